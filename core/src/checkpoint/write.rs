//! Files that are written whole or not at all.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file whole or not at all, even where the machine stops meanwhile: to a temporary file beside it, which is
/// synchronised and renamed, or removed where that fails.
///
/// # Errors
/// Where the folder cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary(path);
    let written = write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // Else it would take the room that the next file needs. It may not be there at all.
        let _ = std::fs::remove_file(&temporary);
        return Err(Error::file(path, format!("cannot be written: {error}")));
    }
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        // Some file systems cannot synchronise a folder; the rename itself has happened.
        let _ = folder.sync_all();
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.with_file_name(format!(".{name}.partial"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_nothing_and_says_where() {
        let folder = tempfile::tempdir().unwrap();
        // A file cannot take the place of a folder.
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        let error = write_atomically(&path, b"text").unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: cannot be written: ", path.display())), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
