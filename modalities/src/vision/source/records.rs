//! Binary files of records of equal length, read by offset.

use crate::common::files;
use crate::common::folders::working_folder;
use plasticity_core::{Error, Result};
use std::hash::{DefaultHasher, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file of records of `length` bytes each.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    length: usize,
    count: usize,
}

impl Records {
    /// Opens a file. `what` describes a record, for messages.
    ///
    /// # Errors
    /// If there is no such file, or if its length is 0 or not a multiple of `length`.
    pub fn open(path: PathBuf, length: usize, what: &str) -> Result<Self> {
        let bytes = std::fs::metadata(&path)
            .map_err(|e| Error::file(&path, format!("cannot be read: {e}{}", working_folder(&path))))?
            .len() as usize;
        if bytes == 0 || !bytes.is_multiple_of(length) {
            let message = format!(
                "expected a multiple of {length} bytes (one {what}), got {bytes}: the file is incomplete or \
                 another file; get it again"
            );
            return Err(Error::file(path, message));
        }
        Ok(Self { path, length, count: bytes / length })
    }

    /// The number of records.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads record `index`. The file is opened each time, so any number of threads can read.
    ///
    /// # Errors
    /// If the file changed since it was opened.
    pub fn read(&self, index: usize) -> Result<Vec<u8>> {
        let mut record = vec![0; self.length];
        let read = |record: &mut [u8]| {
            let mut file = files::open(&self.path)?;
            file.seek(SeekFrom::Start(index as u64 * self.length as u64))?;
            file.read_exact(record)
        };
        read(&mut record)
            .map_err(|e| Error::file(&self.path, format!("record {index} cannot be read: {e}")))?;
        Ok(record)
    }
}

impl Records {
    /// A hash of each record without its first `skip` bytes. A record of equal bytes has no hash.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn digests(&self, skip: usize) -> Result<Vec<Option<u64>>> {
        let bytes =
            files::read(&self.path).map_err(|e| Error::file(&self.path, format!("cannot be read: {e}")))?;
        let digest = |record: &[u8]| {
            let pixels = record.get(skip..).unwrap_or_default();
            let mut hasher = DefaultHasher::new();
            hasher.write(pixels);
            pixels.windows(2).any(|pair| pair[0] != pair[1]).then(|| hasher.finish())
        };
        Ok(bytes.chunks_exact(self.length).map(digest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    #[test]
    fn records_are_read_by_offset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        testing::write(path.clone(), &[1, 2, 3, 4, 5, 6]);
        let records = Records::open(path.clone(), 2, "pair").unwrap();
        assert_eq!((records.count(), records.read(2).unwrap()), (3, vec![5, 6]));
        assert!(records.read(3).unwrap_err().to_string().contains("x.bin"));
        let error = Records::open(path, 4, "image").unwrap_err().to_string();
        assert!(error.contains("x.bin") && error.contains("got 6"), "{error}");
        let error = Records::open("no/such.bin".into(), 4, "image").unwrap_err().to_string();
        assert!(error.contains("such.bin") && error.contains("working folder"), "{error}");
    }
}
