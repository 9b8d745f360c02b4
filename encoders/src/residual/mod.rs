//! Bottleneck blocks with a shortcut: the layers of ResNet-50.

mod layer;
mod spec;

pub use layer::{Block, Residual};
pub use spec::ResidualSpec;
