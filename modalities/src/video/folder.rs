//! Class folders: `path/Class/clip`.

use super::division::{Division, Found};
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Everything in a folder, by name; hidden entries are left out.
///
/// # Errors
/// Where it cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(|error| Error::file(folder, error))?;
    let mut paths = Vec::new();
    for entry in read {
        let path = entry.map_err(|error| Error::file(folder, error))?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

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

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
