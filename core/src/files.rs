//! Opens files that a user names: regular ones alone, since a pipe would never end and a device takes all memory.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Opens a regular file; links are followed.
///
/// # Errors
/// As the system says; or where it is a pipe, a device or a folder.
pub fn open(path: &Path) -> Result<File> {
    if path.metadata()?.is_file() {
        return File::open(path);
    }
    let message = "is a pipe, a device or a folder and not a regular file: remove it, or give a file";
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// All bytes of a regular file.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
