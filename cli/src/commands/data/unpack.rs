//! Archives to folders: all of an archive, or nothing.

use super::bytes::{Bytes, Shown};
use super::rar;
use flate2::read::GzDecoder;
use plasticity_core::{Error, Result};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Component, Path};
use tar::EntryType;

/// Unpacks an archive that holds the folder `holds` beside the content of the folder `to`, then moves what came into it.
///
/// # Errors
/// If the archive is damaged, holds links or no such folder, or names files outside its own; nothing of it is in `to`
/// then.
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
    // What is left of it is of no use; the error that matters is that of unpacking.
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

/// Moves what is in `from` into `to`: folders as a whole where they are new, file by file where they are not. What is
/// there already stays as it is.
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
