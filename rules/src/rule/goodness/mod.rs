//! Layers that are active on positive stimuli and quiet on negative ones: Forward-Forward and
//! Self-Contrastive Forward-Forward.

mod contrast;
pub mod forward_forward;
mod pairs;
mod potential;
pub mod scff;

pub use forward_forward::ForwardForward;
pub use pairs::Form;
pub use scff::{Pairing, Scff};
