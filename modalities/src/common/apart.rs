//! Checks that learning and test data are separate, for the sources of all modalities.

use super::files;
use plasticity_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

/// The most files that are compared by content, both sides together.
const FILES: usize = 20_000;
/// The most bytes that are compared by content, both sides together.
const BYTES: u64 = 1 << 31;

/// What identifies a file, whatever links lead to it.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

/// One stimulus: its file, or all frames of a clip.
pub type Item = Vec<PathBuf>;

/// A file of the learning data and a file of the test data that are the same; `None` if there are none. They
/// are the same if both paths lead to one file, or if both stimuli have the same bytes. Bytes are compared
/// only between stimuli of the same length, and only if there are at most 20,000 files and 2 GiB of them.
/// Beyond that, only paths are compared.
///
/// # Errors
/// If a file cannot be read.
pub fn shared(learned: &[Item], tested: &[Item]) -> Result<Option<(PathBuf, PathBuf)>> {
    let (learned, tested) = (found(learned)?, found(tested)?);
    let known: BTreeMap<_, _> =
        learned.iter().flat_map(|item| &item.files).map(|(path, file)| (file, path)).collect();
    for (path, file) in tested.iter().flat_map(|item| &item.files) {
        if let Some(&other) = known.get(file) {
            return Ok(Some((other.to_path_buf(), path.to_path_buf())));
        }
    }
    let lengths = |items: &[Found<'_>]| items.iter().map(|item| item.length).collect::<BTreeSet<_>>();
    let both: BTreeSet<u64> = lengths(&learned).intersection(&lengths(&tested)).copied().collect();
    let candidates = |item: &&Found<'_>| item.length > 0 && both.contains(&item.length);
    let (learned, tested) = (learned.iter().filter(candidates), tested.iter().filter(candidates));
    let all = || learned.clone().chain(tested.clone());
    let (files, bytes) =
        all().fold((0, 0), |(files, bytes), item| (files + item.files.len(), bytes + item.length));
    if files > FILES || bytes > BYTES {
        return Ok(None);
    }
    let mut known = BTreeMap::new();
    for item in learned.clone() {
        known.entry(item.digest()?).or_insert(item);
    }
    for item in tested.clone() {
        if let Some(other) = known.get(&item.digest()?) {
            return Ok(other.first().zip(item.first()));
        }
    }
    Ok(None)
}

/// The reason why two such files count as the same.
pub fn why(learned: &Path, tested: &Path) -> String {
    format!("{} and {} are one file or have the same bytes", learned.display(), tested.display())
}

struct Found<'a> {
    files: Vec<(&'a Path, Identity)>,
    length: u64,
}

fn found(items: &[Item]) -> Result<Vec<Found<'_>>> {
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let (mut files, mut length) = (Vec::with_capacity(item.len()), 0);
        for path in item {
            // A missing file, or one that is not a regular file, is reported by its reader.
            let Ok(metadata) = path.metadata() else { continue };
            if metadata.is_file() {
                files.push((path.as_path(), identity(path, &metadata)?));
                length += metadata.len();
            }
        }
        found.push(Found { files, length });
    }
    Ok(found)
}

#[cfg(unix)]
fn identity(_path: &Path, metadata: &Metadata) -> Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path, _metadata: &Metadata) -> Result<Identity> {
    path.canonicalize().map_err(|error| Error::file(path, error))
}

impl Found<'_> {
    fn first(&self) -> Option<PathBuf> {
        self.files.first().map(|(path, _)| path.to_path_buf())
    }

    /// The length of the files, and a hash of their bytes.
    fn digest(&self) -> Result<(u64, u64)> {
        let mut hasher = DefaultHasher::new();
        for (path, _) in &self.files {
            hasher.write(&files::read(path).map_err(|error| Error::file(*path, error))?);
        }
        Ok((self.length, hasher.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_and_copies_are_found_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("a", "one"), ("b", "two"), ("copy", "one"), ("empty", ""), ("void", "")] {
            std::fs::write(path(name), text).unwrap();
        }
        std::os::unix::fs::symlink(path("a"), path("soft")).unwrap();
        std::fs::hard_link(path("a"), path("hard")).unwrap();
        for name in ["a", "soft", "hard", "copy"] {
            let found =
                shared(&[vec![path("b")], vec![path("a")]], &[vec![path("b2")], vec![path(name)]]).unwrap();
            assert_eq!(found, Some((path("a"), path(name))));
        }
        let others = [path("b"), path("void"), path("absent")].map(|path| vec![path]);
        assert_eq!(shared(&[vec![path("a")], vec![path("empty")]], &others).unwrap(), None);
        // Clips that share only some files by content are different. Clips that share one file by path are
        // the same.
        let clip = |names: [&str; 2]| [names.map(path).to_vec()];
        assert_eq!(shared(&clip(["a", "b"]), &clip(["copy", "void"])).unwrap(), None);
        assert!(shared(&clip(["a", "b"]), &clip(["soft", "void"])).unwrap().is_some());
    }
}
