//! Batch normalisation: a part of convolutions, and a layer of its own.

mod layer;
mod norm;

pub use layer::BatchNorm;
pub use norm::Norm;
