//! Named stacks of layers.

mod vgg6;

pub use vgg6::Vgg6;
