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

/// One split of a source, opened: images by index.
pub trait ImageSource: Send + Sync {
    /// How many images.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes image `index`; called from several threads.
    ///
    /// # Errors
    /// Names the file that cannot be used, and what is wrong with it.
    fn image(&self, index: usize) -> Result<LabelledPicture>;

    /// The file of image `index` and its place in it, for messages.
    fn place(&self, index: usize) -> String;

    /// The files of the images, to check that learning and test images are separate.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// A hash of the pixels of each image, to check the same where a file holds many images. `None` of other sources; an image of
    /// one colour has none, since it tells nothing.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn digests(&self) -> Result<Option<Vec<Option<u64>>>> {
        Ok(None)
    }

    /// Asks for pixels as they lie in files, not turned as EXIF says.
    fn keep_stored(&mut self) {}

    /// Names of the classes, where images are labelled.
    fn classes(&self) -> Option<Vec<String>> {
        None
    }
}

/// What a config says of a source of images. A source of your own implements this and
/// [`ImageSource`], and is entered with `plasticity_core::plugin! { Source "name": … }`.
#[typetag::serde(tag = "type")]
pub trait ImageSourceSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the run's.
    ///
    /// # Errors
    /// If files are missing or unusable, or where the source has no such split: names them, and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ImageSource>>;

    /// The folder of the image files that rules learn from, where there is one: it may hold none that a probe is
    /// tested on.
    fn learns_from(&self) -> Option<PathBuf> {
        None
    }
}
