//! A part of a file after a new header.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom};
use symphonia::core::io::MediaSource;

/// A stream of `head`, then `length` bytes of `file` from byte `from` (fewer if the file ends earlier).
pub(super) struct Spliced {
    head: Vec<u8>,
    file: File,
    from: u64,
    length: u64,
    at: u64,
}

impl Spliced {
    pub fn new(head: Vec<u8>, file: File, from: u64, length: u64) -> Self {
        Self { head, file, from, length, at: 0 }
    }

    fn end(&self) -> u64 {
        self.head.len() as u64 + self.length
    }
}

impl Read for Spliced {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let head = self.head.len() as u64;
        let read = if self.at < head {
            (&self.head[self.at as usize..]).read(into)?
        } else {
            let most = self.end().saturating_sub(self.at).min(into.len() as u64) as usize;
            self.file.seek(SeekFrom::Start(self.from + (self.at - head)))?;
            self.file.read(&mut into[..most])?
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end().checked_add_signed(by),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end())
    }
}
