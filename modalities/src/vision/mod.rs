//! Images as stimuli: sources of images, crops, flips, normalisation and patches.
//!
//! [`Images`] is the config. An [`ImageSource`] provides decoded images one at a time, and an
//! [`ImageStimulus`] makes the encoder's input from them.

mod augment;
mod decode;
mod jpeg;
mod normalise;
mod orientation;
mod patches;
mod picture;
mod png;
mod several;
mod source;
mod spec;
mod stimulus;

pub use augment::{Augment, Planes};
pub use decode::IMAGES;
pub use normalise::{Normalise, PerChannel};
pub use orientation::Orientation;
pub use patches::{Patch, Patches};
pub use picture::Picture;
pub use source::{
    Cifar10, Folder, ImageSource, ImageSourceSpec, LabelledPicture, Stl10, TinyImagenet, synthetic,
};
pub use spec::{Images, Labelled};
pub use stimulus::ImageStimulus;

#[cfg(test)]
pub(crate) mod testing;
