//! Named stacks of layers.

mod audio;
mod resnet50;
mod vgg6;
mod video;

pub use audio::Audio;
pub use resnet50::ResNet50;
pub use vgg6::Vgg6;
pub use video::Video;
