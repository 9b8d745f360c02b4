//! The progress of reading or writing bytes: a bar on a terminal, else a line from time to time.

use crate::output;
use crate::progress::EVERY;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Read};
use std::time::Instant;

/// Shows how many bytes are done.
pub struct Bytes {
    what: String,
    done: u64,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Bytes {
    /// `done` of `total` bytes (if known) are already there.
    pub fn new(what: String, done: u64, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let style =
                "{msg}  {bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.set_message(what.clone());
            bar.set_position(done);
            bar.reset_eta();
            bar
        });
        Self { what, done, total, bar, said: Instant::now() }
    }

    /// Notes that more bytes are done.
    pub fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        } else if self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            let of = self.total.map(|total| format!(" of {}", DecimalBytes(total))).unwrap_or_default();
            output::note(&format!("{}: {}{of}", self.what, DecimalBytes(self.done)));
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A reader whose progress is shown.
pub struct Shown<R> {
    pub reader: R,
    pub bytes: Bytes,
}

impl<R: Read> Read for Shown<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes.add(read);
        Ok(read)
    }
}
