//! Class folders: `path/Class/clip`.

use super::division::{Division, Found};
use super::{Clips, Cut, Frame, Picks};
use crate::common::folders::{entries, name, none_beside_classes};
use crate::common::others::Others;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// All clips below the class folders of `path`, and the classes. `clip` tells which entries of a class folder are
/// clips, `expected` what they look like, `read` the endings of what is read; a warning counts other files.
///
/// # Errors
/// If `path` has no class folder, a class folder has no clip, or a file that is read lies beside the class folders.
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
    let classes = division.classes(&names);
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

/// How a clip lies on the disk.
pub trait Store: Send + Sync {
    /// How many frames the clip at `path` has.
    ///
    /// # Errors
    /// Names the file that cannot be used, and what is wrong with it.
    fn frame_count(&self, path: &Path) -> Result<usize>;

    /// The files of the clip at `path`.
    fn files(&self, path: &Path) -> Vec<PathBuf>;

    /// Reads frames of the clip at `path`, which had `frames` frames when it was opened, as [`Clips::read`] does.
    ///
    /// # Errors
    /// As [`Clips::read`].
    fn read(&self, path: &Path, frames: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>>;
}

/// Clips below class folders, opened.
pub struct Folders<S> {
    classes: Vec<String>,
    clips: Vec<Found>,
    counts: Vec<usize>,
    store: S,
}

impl<S: Store> Folders<S> {
    /// Counts the frames of every clip.
    ///
    /// # Errors
    /// Names the file that cannot be used, and what is wrong with it.
    pub fn open(classes: Vec<String>, clips: Vec<Found>, store: S) -> Result<Self> {
        let counts = clips.iter().map(|clip| store.frame_count(&clip.path)).collect::<Result<_>>()?;
        Ok(Self { classes, clips, counts, store })
    }
}

impl<S: Store> Clips for Folders<S> {
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

    fn place(&self, index: usize) -> String {
        self.clips[index].path.display().to_string()
    }

    fn read(&self, index: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        self.store.read(&self.clips[index].path, self.counts[index], picks, cut)
    }
}
