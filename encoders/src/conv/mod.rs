//! Convolution, ReLU and max pool in one layer, for one, two and three axes.

mod layer;
mod normed;
mod sizes;
mod spec;

pub use layer::{Conv, ConvShape};
pub use sizes::{PoolSpec, Sizes};
pub use spec::{Conv1d, Conv2d, Conv3d, Dense};
