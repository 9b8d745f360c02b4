//! Images as stimuli: sources of images, crops, flips, normalisation and patches.
//!
//! [`Images`] is what a config says; an [`ImageSource`] gives decoded images one at a time, and an
//! [`ImageStimulus`] makes the encoder's input of them.

mod augment;
mod cifar10;
mod folder;
mod images;
mod jpeg;
mod normalise;
mod patches;
mod picture;
mod records;
mod source;
mod stimulus;
mod stl10;
mod tiny_imagenet;

pub use augment::{Augment, Planes};
pub use cifar10::Cifar10;
pub use folder::Folder;
pub use images::{Images, Labelled};
pub use normalise::{Normalise, PerChannel};
pub use patches::{Patch, Patches};
pub use picture::Picture;
pub use source::{ImageSource, ImageSourceSpec, LabelledPicture};
pub use stimulus::ImageStimulus;
pub use stl10::Stl10;
pub use tiny_imagenet::TinyImagenet;

#[cfg(test)]
pub(crate) mod testing;
