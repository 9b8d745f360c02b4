//! Sources of images.

mod cifar10;
mod folder;
mod records;
mod stl10;
pub mod synthetic;
mod tiny_imagenet;

pub use cifar10::Cifar10;
pub(super) use folder::Files;
pub use folder::Folder;
pub use stl10::Stl10;
pub use tiny_imagenet::TinyImagenet;

use super::Picture;
use plasticity_core::Result;
use plasticity_core::stimulus::Split;
use std::path::PathBuf;

/// An image and its class, if it has one.
#[derive(Clone, Debug)]
pub struct LabelledPicture {
    /// The image.
    pub picture: Picture,
    /// Its class.
    pub class: Option<u32>,
}

/// An opened split of a source: images by index.
pub trait ImageSource: Send + Sync {
    /// The number of images.
    fn len(&self) -> usize;

    /// Whether there are no images.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes image `index`. Several threads call this.
    ///
    /// # Errors
    /// If a file cannot be used; the error names the file and the reason.
    fn image(&self, index: usize) -> Result<LabelledPicture>;

    /// The file of image `index`, and its place in that file, for messages.
    fn place(&self, index: usize) -> String;

    /// The files of the images, with which learning and test images are compared.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// A hash of the pixels of each image, for the same comparison in files with many images. `None` if the
    /// source has no such files. An image of one colour has no hash, because equal ones may be unrelated.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn digests(&self) -> Result<Option<Vec<Option<u64>>>> {
        Ok(None)
    }

    /// Makes the source return pixels as stored, without the rotation in EXIF.
    fn keep_stored(&mut self) {}

    /// The names of the classes, if images are labelled.
    fn classes(&self) -> Option<Vec<String>> {
        None
    }
}

/// The config of a source of images. To add a source, implement this and [`ImageSource`], and register it
/// with `plasticity_core::plugin! { Source "name": … }`.
#[typetag::serde(tag = "type")]
pub trait ImageSourceSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the run's seed.
    ///
    /// # Errors
    /// If files are missing or cannot be used, or if the source has no such split; the error names them and
    /// the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ImageSource>>;

    /// The folder of the image files for learning, if there is one. It must not contain images of the probe's
    /// test.
    fn learns_from(&self) -> Option<PathBuf> {
        None
    }
}
