//! Batch normalisation: as a part of convolutions, and as a separate layer.

mod layer;
mod norm;

pub use layer::BatchNorm;
pub use norm::Norm;
