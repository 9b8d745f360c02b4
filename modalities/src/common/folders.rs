//! Walks through folders. All sources of files use this: in order of names, without hidden entries, each
//! folder once.

use super::others::Others;
use plasticity_core::{Error, Result};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use unicode_normalization::UnicodeNormalization;

/// The entries of a folder, in order of names. Entries whose names begin with a dot are skipped: caches, and
/// files that macOS adds (`._x.wav`).
///
/// # Errors
/// If there is no such folder, or it cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| unreadable(folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !name(&path).starts_with('.') {
            found.push(path);
        }
    }
    found.sort_by_cached_key(|path| (name(path), path.clone()));
    Ok(found)
}

/// The last part of a path, in composed form. A Mac writes `ä` as two characters and other systems as one;
/// both are the same name.
pub fn name(path: &Path) -> String {
    composed(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// A name in Unicode's composed form (NFC).
pub fn composed(name: &str) -> String {
    if name.is_ascii() { name.to_owned() } else { name.nfc().collect() }
}

/// Whether the name of a file has one of these endings, in upper or lower case. Only the name is checked,
/// because asking the file system about every file would take longer than listing them.
pub fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Checks that no file with one of these endings is beside the class folders, where it would have no class.
///
/// # Errors
/// If there is such a file; the error names it.
pub fn none_beside_classes(entries: &[PathBuf], endings: &[&str]) -> Result<()> {
    let loose = entries.iter().find(|entry| has_ending(entry, endings) && !entry.is_dir());
    loose.map_or(Ok(()), |file| {
        let message =
            "lies beside the class folders, so it has no class: move it into one of them, or take it out";
        Err(Error::file(file, message))
    })
}

/// For an error about a relative path: a text with the folder that it is relative to. Empty for an absolute
/// path.
pub fn working_folder(path: &Path) -> String {
    match std::env::current_dir() {
        Ok(folder) if path.is_relative() => {
            format!(" (paths are relative to the working folder, {})", folder.display())
        }
        _ => String::new(),
    }
}

fn unreadable(folder: &Path, error: &std::io::Error) -> Error {
    let message = match error.kind() {
        ErrorKind::NotFound => format!(
            "no such folder{}: put the stimuli there, or give their folder in the config or with --set, such as \
             --set stimulus.source.path=DIR, or --set stimulus.learn.path=DIR for speech",
            working_folder(folder)
        ),
        ErrorKind::NotADirectory => "is no folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Error::file(folder, message)
}

/// A walk that enters each folder once, whatever links lead to it.
#[derive(Debug, Default)]
pub struct Walk {
    /// The folders entered, as paths without links.
    entered: BTreeSet<PathBuf>,
    /// The files with other endings.
    others: Others,
}

impl Walk {
    /// Enters a folder. Returns whether this is the first time.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn enter(&mut self, folder: &Path) -> Result<bool> {
        let canonical = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
        Ok(self.entered.insert(canonical))
    }

    /// Warns of the files that [`files`](Self::files) skipped below `place`.
    pub fn warn(&self, place: &Path, endings: &[&str]) {
        self.others.warn(place, endings);
    }

    /// The files with one of these endings in `folder` and in folders up to `depth` levels below it, in order
    /// of paths.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn files(&mut self, folder: &Path, endings: &[&str], depth: usize) -> Result<Vec<PathBuf>> {
        let (top, mut found, mut level) = (folder, Vec::new(), vec![folder.to_owned()]);
        // The walk goes level by level, so that a folder is entered where most of the depth remains.
        for _ in 0..=depth {
            let mut below = Vec::new();
            for folder in level {
                if !self.enter(&folder)? {
                    continue;
                }
                for path in entries(&folder)? {
                    if has_ending(&path, endings) {
                        found.push(path);
                    } else if path.is_dir() {
                        below.push(path);
                    } else {
                        self.others.count(top, &path);
                    }
                }
            }
            if below.is_empty() {
                break;
            }
            level = below;
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, []).unwrap();
        }
        root
    }

    fn found(root: &Path, depth: usize) -> Vec<String> {
        let files = Walk::default().files(root, &["wav"], depth).unwrap();
        files.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn files_come_by_name_to_a_depth_and_hidden_ones_are_left_out() {
        let root = tree(&["b.wav", "a/c.WAV", "a/deep/d.wav", "a/._c.wav", ".cache/e.wav", "f.txt"]);
        assert_eq!(found(root.path(), 0), ["b.wav"]);
        assert_eq!(found(root.path(), 1), ["a/c.WAV", "b.wav"]);
        assert_eq!(found(root.path(), usize::MAX), ["a/c.WAV", "a/deep/d.wav", "b.wav"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_end_and_no_file_comes_twice() {
        use std::os::unix::fs::symlink;
        let (root, other) = (tree(&["a/1.wav", "b/2.wav"]), tree(&["3.wav"]));
        symlink(root.path(), root.path().join("a/up")).unwrap();
        symlink(root.path().join("a"), root.path().join("b/back")).unwrap();
        symlink(root.path().join("nowhere"), root.path().join("broken")).unwrap();
        symlink(other.path(), root.path().join("elsewhere")).unwrap();
        assert_eq!(found(root.path(), usize::MAX), ["a/1.wav", "b/2.wav", "elsewhere/3.wav"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_greatest_depth_takes_nothing_away() {
        let root = tree(&["a/x/1.wav", "b/y/2.wav"]);
        std::os::unix::fs::symlink(root.path().join("b"), root.path().join("a/x/b")).unwrap();
        assert_eq!(found(root.path(), 3), ["a/x/1.wav", "b/y/2.wav"]);
        assert_eq!(found(root.path(), 2), ["a/x/1.wav", "b/y/2.wav"]);
    }

    #[test]
    fn what_is_no_folder_is_named() {
        let root = tree(&["x.wav"]);
        let error = |path: &Path| entries(path).unwrap_err().to_string();
        assert!(error(&root.path().join("x.wav")).contains("x.wav: is no folder"));
        assert!(error(&root.path().join("absent")).contains("absent: no such folder"));
        let error = Walk::default().files(Path::new("no/where"), &["wav"], 1).unwrap_err().to_string();
        assert!(error.contains("no/where") && error.contains("relative to the working folder"), "{error}");
    }
}
