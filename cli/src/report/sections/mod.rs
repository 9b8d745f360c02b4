//! The sections of the page, each in a file.

mod analyses;
mod config;
mod confusion;
mod filters;
mod layers;
mod maps;
mod method;
mod neurons;
mod probe;
mod speech;
mod summary;
mod training;

pub use analyses::analyses;
pub use config::config;
pub use confusion::confusion;
pub use filters::filters;
pub use maps::maps;
pub use method::method;
pub use neurons::neurons;
pub use probe::probe;
pub use speech::speech;
pub use summary::{summary, title};
pub use training::training;
