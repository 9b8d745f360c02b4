//! Where speech is read from.

mod librispeech;
mod recordings;
mod synthetic;
mod timit;

pub use librispeech::Librispeech;
pub use recordings::{Beside, Recordings};
pub use synthetic::SyntheticSpeech;
pub use timit::Timit;

use crate::folders::Walk;
use plasticity_core::error::Result;
use std::path::{Path, PathBuf};

/// Audio files in `folder` and up to `depth` folders below it.
fn audio_files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    Walk::default().files(folder, &["flac", "wav"], depth)
}

/// The last part of a path, without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of the folder that a file is in.
fn parent(path: &Path) -> Option<String> {
    Some(path.parent()?.file_name()?.to_string_lossy().into_owned())
}
