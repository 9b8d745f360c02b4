//! Writes files completely or not at all, and renames useless files instead of deleting them.

use plasticity_core::{Error, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The suffix of a temporary file.
const PARTIAL: &str = ".partial";

/// Writes a file completely or not at all, even if the machine stops: writes a temporary file in the same
/// folder, synchronises and renames it, or removes it on failure.
///
/// # Errors
/// If the folder cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let refused = |error: io::Error| Error::file(path, format!("cannot be written: {error}"));
    let (mut file, temporary) = temporary(path).map_err(refused)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, path)) {
        // Else it would use the space that the next file needs. If this fails too, nothing else can be done.
        let _ = std::fs::remove_file(&temporary);
        return Err(refused(error));
    }
    synchronise_folder_of(path);
    Ok(())
}

/// Writes the name of a file or folder to disk, so that it is there after a power cut.
pub fn synchronise_folder_of(path: &Path) {
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    if let Some(Ok(folder)) = folder.map(File::open) {
        // Some file systems cannot synchronise a folder; the file was written anyway.
        let _ = folder.sync_all();
    }
}

/// Makes a folder and the missing folders above it, and writes the name of each to disk.
///
/// # Errors
/// If one cannot be made.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folder)?;
    match std::fs::create_dir(folder) {
        // Another process may have made it meanwhile.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
            Err(Error::file(folder, format!("cannot be made: {error}")))
        }
        _ => {
            synchronise_folder_of(folder);
            Ok(())
        }
    }
}

/// A new file `.NAME.PROCESS.COUNT.partial`, which no other thread, process or machine writes to.
fn temporary(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}.{count}{PARTIAL}", std::process::id()));
        match File::create_new(&temporary) {
            // The file of a process with this number on another machine, or of a killed process.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (file, temporary)),
        }
    }
}

/// A path or a word, quoted as one word for a shell.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let text = word.as_ref().to_string_lossy().into_owned();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Renames a file to `NAME.WORD`, or `NAME.WORD.2` and so on if this exists, and returns its new path.
///
/// # Errors
/// If it cannot be renamed.
pub fn set_aside(path: &Path, word: &str) -> Result<PathBuf> {
    let aside = aside(path, word);
    std::fs::rename(path, &aside)
        .map_err(|error| Error::file(path, format!("cannot be renamed to {}: {error}", aside.display())))?;
    synchronise_folder_of(&aside);
    Ok(aside)
}

/// Copies a file to the path to which [`set_aside`] would rename it, and returns this path. Use it for a
/// file that is replaced next and must exist if the power fails in between.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy_aside(path: &Path, word: &str) -> Result<PathBuf> {
    let aside = aside(path, word);
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    write_atomically(&aside, &bytes)?;
    Ok(aside)
}

/// The first free name of `NAME.WORD`, `NAME.WORD.2` and so on.
fn aside(path: &Path, word: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let places =
        std::iter::once(format!("{name}.{word}")).chain((2..).map(|n: u64| format!("{name}.{word}.{n}")));
    let free = places.map(|name| path.with_file_name(name)).find(|place| !place.exists());
    free.unwrap_or_else(|| path.with_file_name(format!("{name}.{word}")))
}

/// Removes temporary files of killed processes. No process may write into `folder` at this time.
///
/// # Errors
/// If the folder cannot be read, or a file cannot be removed.
pub fn remove_partial(folder: &Path) -> Result<()> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| Error::file(folder, format!("cannot be read: {error}")))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.to_string_lossy().ends_with(PARTIAL) {
            std::fs::remove_file(&path)
                .map_err(|error| Error::file(&path, format!("cannot be removed: {error}")))?;
        }
    }
    Ok(())
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

    #[test]
    fn folders_are_made_with_those_above_and_a_file_in_the_way_is_said() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b/c");
        make_folder(&folder).and_then(|()| make_folder(&folder)).unwrap();
        assert!(folder.is_dir());
        std::fs::write(root.path().join("file"), "").unwrap();
        let error = make_folder(&root.path().join("file/run")).unwrap_err().to_string();
        assert!(error.contains("file: cannot be made: "), "{error}");
    }

    #[test]
    fn writers_of_one_file_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared");
        std::thread::scope(|scope| {
            for writer in 0..8u8 {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| write_atomically(path, &[writer; 99]).unwrap()));
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes, [bytes[0]; 99]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_with_blanks_or_quotes_is_one_word() {
        assert_eq!(quoted(Path::new("runs/a-1_b.toml")), "runs/a-1_b.toml");
        assert_eq!(quoted(Path::new("my runs/a")), "'my runs/a'");
        assert_eq!(quoted(Path::new("it's $HOME")), r"'it'\''s $HOME'");
        assert_eq!(quoted(Path::new("")), "''");
    }

    #[test]
    fn what_is_set_aside_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step-2.safetensors");
        for expected in
            ["step-2.safetensors.broken", "step-2.safetensors.broken.2", "step-2.safetensors.broken.3"]
        {
            std::fs::write(&path, expected).unwrap();
            assert_eq!(set_aside(&path, "broken").unwrap(), folder.path().join(expected));
            assert_eq!(std::fs::read_to_string(folder.path().join(expected)).unwrap(), expected);
        }
        assert!(!path.exists() && set_aside(&path, "broken").is_err());
    }

    #[test]
    fn what_killed_processes_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, left) = temporary(&folder.path().join("step-2.safetensors")).unwrap();
        drop(file);
        std::fs::write(folder.path().join("step-1.safetensors"), b"whole").unwrap();
        remove_partial(folder.path()).unwrap();
        assert!(!left.exists() && folder.path().join("step-1.safetensors").exists());
    }
}
