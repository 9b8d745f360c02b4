//! Stimuli that the program makes itself, so that everything runs with no data at all.

mod scene;
mod source;

pub use scene::{CLASSES, draw};
pub use source::Synthetic;
