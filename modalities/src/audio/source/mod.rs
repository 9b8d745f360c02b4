//! Where speech is read from.

mod librispeech;
mod recordings;
mod synthetic;
mod timit;

pub use librispeech::Librispeech;
pub use recordings::{Folder, FolderLabels};
pub use synthetic::SyntheticSpeech;
pub use timit::Timit;

use plasticity_core::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Entries of a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |e: std::io::Error| Error::file(folder, e);
    let mut found = std::fs::read_dir(folder)
        .map_err(wrong)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(wrong)?;
    found.sort();
    Ok(found)
}

/// Audio files in `folder` and up to `depth` folders below it.
fn audio_files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            if depth > 0 {
                found.extend(audio_files(&path, depth - 1)?);
            }
        } else if has_ending(&path, &["flac", "wav"]) {
            found.push(path);
        }
    }
    Ok(found)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// The last part of a path, without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of the folder that a file is in.
fn parent(path: &Path) -> Option<String> {
    Some(path.parent()?.file_name()?.to_string_lossy().into_owned())
}
