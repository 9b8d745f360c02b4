//! Clips in class folders: `path/Class/clip`.

use super::division::{Division, Found, group};
use super::{ClipSource, Cut, Frame, Picks};
use crate::common::folders::{entries, name, none_beside_classes};
use crate::common::others::Others;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// All clips below the class folders of `path`, and the names of the classes. `clip` says which entries of a
/// class folder are clips, `expected` shows what a clip looks like, and `read` has the endings of files that
/// are read. A warning counts other files.
///
/// # Errors
/// If `path` has no class folder, if a class folder has no clip, or if a file that can be read is beside the
/// class folders.
pub fn clips(
    path: &Path,
    division: &Division,
    clip: impl Fn(&Path) -> bool,
    expected: &str,
    read: &[&str],
) -> Result<(Vec<String>, Vec<Found>)> {
    let top = entries(path)?;
    none_beside_classes(&top, read)?;
    let folders: Vec<_> = top.into_iter().filter(|entry| entry.is_dir()).collect();
    if folders.is_empty() {
        return Err(Error::file(path, format!("has no class folder: expected {expected}")));
    }
    let names: Vec<_> = folders.iter().map(|folder| name(folder)).collect();
    // Folders whose names differ only in Unicode form are one class, and follow each other.
    let mut different = names.clone();
    different.dedup();
    let classes = division.classes(&different);
    let (mut found, mut others) = (Vec::new(), Others::default());
    for (folder, class_name) in folders.iter().zip(names) {
        let Some(class) = classes.iter().position(|class| *class == class_name) else { continue };
        let (clips, rest): (Vec<_>, Vec<_>) = entries(folder)?.into_iter().partition(|entry| clip(entry));
        rest.iter().filter(|entry| entry.is_file()).for_each(|entry| others.count(folder, entry));
        if clips.is_empty() {
            let message =
                format!("class folder without clips: expected {expected}; fill the folder or remove it");
            return Err(Error::file(folder, message));
        }
        found.extend(clips.into_iter().map(|path| Found {
            name: name(&path.with_extension("")),
            path,
            class: class as u32,
            class_name: class_name.clone(),
        }));
    }
    others.warn(path, read);
    Ok((classes, found))
}

/// How clips are stored.
pub trait Store: Send + Sync {
    /// The number of frames of the clip at `path`.
    ///
    /// # Errors
    /// If a file cannot be used; the error names the file and the reason.
    fn frame_count(&self, path: &Path) -> Result<usize>;

    /// The files of the clip at `path`.
    fn files(&self, path: &Path) -> Vec<PathBuf>;

    /// Reads frames of the clip at `path`, as [`ClipSource::read`] does. `frames` is the number of frames when
    /// it was opened.
    ///
    /// # Errors
    /// As [`ClipSource::read`].
    fn read(&self, path: &Path, frames: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>>;
}

/// The opened clips of class folders.
pub struct Folders<S> {
    classes: Vec<String>,
    clips: Vec<Found>,
    counts: Vec<usize>,
    store: S,
}

impl<S: Store> Folders<S> {
    /// Opens clips and counts the frames of each.
    ///
    /// # Errors
    /// If a file cannot be used; the error names the file and the reason.
    pub fn open(classes: Vec<String>, clips: Vec<Found>, store: S) -> Result<Self> {
        let counts = clips.iter().map(|clip| store.frame_count(&clip.path)).collect::<Result<_>>()?;
        Ok(Self { classes, clips, counts, store })
    }
}

impl<S: Store> ClipSource for Folders<S> {
    fn len(&self) -> usize {
        self.clips.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn class(&self, index: usize) -> u32 {
        self.clips[index].class
    }

    fn files(&self, index: usize) -> Vec<PathBuf> {
        self.store.files(&self.clips[index].path)
    }

    fn frame_count(&self, index: usize) -> usize {
        self.counts[index]
    }

    /// The group in the clip's name: clips of a group show the same person or place.
    fn recording(&self, index: usize) -> u64 {
        group(&self.clips[index].name).map_or(u64::MAX, u64::from)
    }

    fn place(&self, index: usize) -> String {
        self.clips[index].path.display().to_string()
    }

    fn read(&self, index: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        self.store.read(&self.clips[index].path, self.counts[index], picks, cut)
    }
}
