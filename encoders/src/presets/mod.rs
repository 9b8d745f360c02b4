//! Named stacks of layers.

mod resnet50;
mod vgg6;
mod video;

pub use resnet50::ResNet50;
pub use vgg6::Vgg6;
pub use video::Video;
