//! Checks that learning and test images are separate where one file holds many.

use crate::vision::source::ImageSource;
use plasticity_core::Result;
use std::collections::HashMap;

/// Bytes of the files of one side that are compared at most.
const BYTES: u64 = 1 << 29;
/// The share of test images, in percent, up to which those that were also learned from are only counted: published data sets have
/// a few.
const FEW: usize = 1;

/// Test images that are also learned from.
pub struct Shared {
    /// How many they are and where the first is on both sides.
    pub message: String,
    /// Whether they are as few as in published data sets.
    pub few: bool,
}

/// Hashes of the pixels of a source's images, where files hold many and have at most 512 MiB.
///
/// # Errors
/// If a file cannot be read.
pub fn digests(source: &dyn ImageSource) -> Result<Option<Digests>> {
    let sizes = source.files().into_iter().map(|file| file.metadata().map_or(0, |data| data.len()));
    if sizes.sum::<u64>() > BYTES { Ok(None) } else { source.digests() }
}

/// One for each image; none of an image of one colour.
pub type Digests = Vec<Option<u64>>;

/// Compares images to learn from with those of the test, whose hashes are `test`.
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
