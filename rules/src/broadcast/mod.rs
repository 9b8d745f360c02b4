//! Broadcast signals.

pub mod hinge;
pub mod logistic;
pub mod softmax;
mod weights;

pub use hinge::Hinge;
pub use logistic::Logistic;
pub use softmax::Softmax;
