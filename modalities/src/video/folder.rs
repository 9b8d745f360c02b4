//! Class folders: `path/Class/clip`.

use super::division::{Division, Found};
use crate::folders::{entries, name};
use plasticity_core::{Error, Result};
use std::path::Path;

/// All clips below the class folders of `path`, and the classes. `clip` tells which entries of a class folder are
/// clips, `expected` what they look like.
///
/// # Errors
/// Where `path` has no class folder, or a class folder has no clip.
pub fn clips(
    path: &Path,
    division: &Division,
    clip: impl Fn(&Path) -> bool,
    expected: &str,
) -> Result<(Vec<String>, Vec<Found>)> {
    let folders: Vec<_> = entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect();
    if folders.is_empty() {
        return Err(Error::file(path, format!("holds no class folder: expected {expected}")));
    }
    let names: Vec<_> = folders.iter().map(|folder| name(folder)).collect();
    let classes = division.classes(&names);
    let mut found = Vec::new();
    for (folder, class_name) in folders.iter().zip(names) {
        let Some(class) = classes.iter().position(|class| *class == class_name) else { continue };
        let clips: Vec<_> = entries(folder)?.into_iter().filter(|entry| clip(entry)).collect();
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
    Ok((classes, found))
}
