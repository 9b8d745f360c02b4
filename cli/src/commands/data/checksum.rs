//! MD5 of files.

use super::bytes::{Bytes, Shown};
use md5::{Digest, Md5};
use plasticity_core::{Error, Result};
use std::fmt::Write;
use std::fs::File;
use std::path::Path;

/// The MD5 of a file, in hexadecimal.
pub fn md5(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|error| Error::file(path, error))?;
    let total = file.metadata().ok().map(|data| data.len());
    let mut shown = Shown { reader: file, bytes: Bytes::new("checking".to_owned(), 0, total) };
    let mut hash = Md5::new();
    std::io::copy(&mut shown, &mut hash).map_err(|error| Error::file(path, error))?;
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
