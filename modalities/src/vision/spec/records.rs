//! Checks that learning and test images are separate, for files with many images.

use crate::vision::source::ImageSource;
use plasticity_core::Result;
use std::collections::HashMap;

/// The most bytes of the files of one side that are compared.
const BYTES: u64 = 1 << 29;
/// Published data sets have a few test images that are also learning images. Up to this share of the test
/// images, in percent, they are only counted.
const FEW: usize = 1;

/// Test images that are also learning images.
pub struct Shared {
    /// Their number, and the place of the first on both sides.
    pub message: String,
    /// Whether they are as few as in published data sets.
    pub few: bool,
}

/// The hashes of the pixels of a source's images. `None` if files do not hold many images or have more than
/// 512 MiB.
///
/// # Errors
/// If a file cannot be read.
pub fn digests(source: &dyn ImageSource) -> Result<Option<Digests>> {
    let sizes = source.files().into_iter().map(|file| file.metadata().map_or(0, |data| data.len()));
    if sizes.sum::<u64>() > BYTES { Ok(None) } else { source.digests() }
}

/// A hash for each image; `None` for an image of one colour.
pub type Digests = Vec<Option<u64>>;

/// Compares learning images with test images. `test` has the hashes of the test images.
///
/// # Errors
/// As [`digests`].
pub fn shared(learned: &dyn ImageSource, tested: &dyn ImageSource, test: &Digests) -> Result<Option<Shared>> {
    let Some(learn) = digests(learned)? else { return Ok(None) };
    let known: HashMap<u64, usize> =
        learn.into_iter().enumerate().filter_map(|(index, digest)| Some((digest?, index))).collect();
    let found = |digest: &Option<u64>| digest.and_then(|digest| known.get(&digest).copied());
    let mut both = test.iter().enumerate().filter_map(|(index, digest)| Some((found(digest)?, index)));
    let Some((first, second)) = both.next() else { return Ok(None) };
    let count = 1 + both.count();
    let message = format!(
        "{count} of the {} test images (first {}) are the same as images to learn from (first {})",
        test.len(),
        tested.place(second),
        learned.place(first)
    );
    Ok(Some(Shared { message, few: 100 * count <= FEW * test.len() }))
}
