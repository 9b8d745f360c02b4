//! Unpacks archives completely or not at all.

use super::bytes::{Bytes, Shown};
use super::rar;
use flate2::read::GzDecoder;
use plasticity_core::{Error, Result};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Component, Path};
use tar::EntryType;

/// Unpacks an archive, which must contain the folder `holds`, into a temporary folder, then moves
/// the content into the folder `to`.
///
/// # Errors
/// If the archive is damaged, contains links, lacks this folder, or names files outside its own
/// folder. Then `to` is unchanged.
pub fn unpack(archive: &Path, to: &Path, holds: &str) -> Result<()> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let aside = to.join(format!(".unpacking-{name}"));
    let here = |error: std::io::Error| Error::file(&aside, error);
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(here)?;
    }
    fs::create_dir_all(&aside).map_err(here)?;
    let done = match name.rsplit('.').next() {
        Some("gz") => tar_gz(archive, &aside),
        Some("zip") => zip(archive, &aside),
        _ => rar::unpack(archive, &aside),
    };
    let done = done.and_then(|()| {
        if aside.join(holds).is_dir() {
            settle(&aside, to).map_err(here)
        } else {
            Err(Error::file(archive, format!("does not contain the folder {holds}: it is another archive")))
        }
    });
    // The rest is useless, and only the error of unpacking matters.
    let _ = fs::remove_dir_all(&aside);
    done
}

fn tar_gz(archive: &Path, to: &Path) -> Result<()> {
    let broken = |error: std::io::Error| damaged(archive, &error);
    let file = File::open(archive).map_err(broken)?;
    let total = file.metadata().ok().map(|data| data.len());
    let shown = Shown { reader: file, bytes: Bytes::new("unpacking".to_owned(), 0, total) };
    let mut entries = tar::Archive::new(GzDecoder::new(BufReader::with_capacity(1 << 16, shown)));
    for entry in entries.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let plain = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::Directory);
        let path = entry.path().map_err(broken)?.into_owned();
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || !inside || !entry.unpack_in(to).map_err(broken)? {
            return Err(outside(archive, &path));
        }
    }
    Ok(())
}

fn zip(archive: &Path, to: &Path) -> Result<()> {
    let broken = |error: &dyn Display| damaged(archive, error);
    let file = File::open(archive).map_err(|error| broken(&error))?;
    let mut entries = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    for index in 0..entries.len() {
        let mut entry = entries.by_index(index).map_err(|error| broken(&error))?;
        let path = match entry.enclosed_name() {
            Some(path) if !entry.is_symlink() => to.join(path),
            _ => return Err(outside(archive, Path::new(String::from_utf8_lossy(entry.name_raw()).as_ref()))),
        };
        if entry.is_dir() {
            fs::create_dir_all(&path).map_err(|error| broken(&error))?;
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| broken(&error))?;
        }
        let mut file = File::create(&path).map_err(|error| broken(&error))?;
        std::io::copy(&mut entry, &mut file).map_err(|error| broken(&error))?;
    }
    Ok(())
}

fn damaged(archive: &Path, error: &dyn Display) -> Error {
    let message = format!("cannot be unpacked: {error}; if it is damaged, delete it and download it again");
    Error::file(archive, message)
}

pub(super) fn outside(archive: &Path, entry: &Path) -> Error {
    let entry = entry.display();
    let message =
        format!("contains {entry}, which is a link or a path outside its folder: it is not unpacked");
    Error::file(archive, message)
}

/// Moves the content of `from` into `to`: new folders as a whole, the content of existing folders
/// file by file. Existing files stay as they are.
fn settle(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !target.exists() {
            fs::rename(entry.path(), target)?;
        } else if entry.file_type()?.is_dir() {
            settle(&entry.path(), &target)?;
        }
    }
    Ok(())
}
