//! TensorBoard's event files: scalars and images.
//!
//! The format is a chain of records (length, masked CRC-32C of it, data, masked CRC-32C of that), each an `Event` of
//! TensorFlow's `event.proto`. The crates for this need a protobuf compiler or are no longer maintained, and these
//! events need only four kinds of field.

use super::filters::Image;
use crate::files::synchronise_folder_of;
use plasticity_core::{Error, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The events of a run that starts or resumes at a step, in a new file that is made with the first event.
pub(super) struct Events {
    folder: PathBuf,
    step: u64,
    file: Option<EventFile>,
}

impl Events {
    pub(super) fn new(folder: &Path, step: u64) -> Self {
        Self { folder: folder.to_owned(), step, file: None }
    }

    /// Records one value.
    pub(super) fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<()> {
        self.file()?.scalar(tag, step, value)
    }

    /// Records an image.
    pub(super) fn image(&mut self, tag: &str, step: u64, image: &Image) -> Result<()> {
        self.file()?.image(tag, step, image)
    }

    fn file(&mut self) -> Result<&mut EventFile> {
        let file = match self.file.take() {
            Some(file) => file,
            None => EventFile::open(&self.folder, self.step)?,
        };
        Ok(self.file.insert(file))
    }

    pub(super) fn synchronise(&mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), EventFile::synchronise)
    }
}

struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// Starts a new file. TensorBoard treats values of earlier files from `step` on as replaced.
    fn open(folder: &Path, step: u64) -> Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("events.out.tfevents.{}.{}", since.as_micros(), std::process::id());
        let path = folder.join(name);
        let file =
            File::create(&path).map_err(|error| Error::file(&path, format!("cannot be made: {error}")))?;
        synchronise_folder_of(&path);
        let mut events = Self { path, file: BufWriter::new(file) };
        let mut version = Vec::new();
        bytes_field(&mut version, 3, b"brain.Event:2");
        events.event(0, &version)?;
        // SessionLog { status: START }, which purges what was recorded at this step and later.
        let mut session = Vec::new();
        bytes_field(&mut session, 7, &[0x08, 1]);
        events.event(step + 1, &session)?;
        Ok(events)
    }

    fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<()> {
        let mut simple_value = vec![2 << 3 | 5];
        simple_value.extend(value.to_le_bytes());
        self.summary(tag, step, &simple_value)
    }

    /// `Summary.Image`: height, width, channels (1 grey, 3 RGB), and the image as PNG.
    fn image(&mut self, tag: &str, step: u64, image: &Image) -> Result<()> {
        let mut fields = Vec::new();
        for (number, value) in [(1, image.height), (2, image.width), (3, image.channels)] {
            fields.push(number << 3);
            varint(&mut fields, u64::from(value));
        }
        bytes_field(&mut fields, 4, &image.png()?);
        let mut value = Vec::new();
        bytes_field(&mut value, 4, &fields);
        self.summary(tag, step, &value)
    }

    /// A `Summary` of one value: its tag and one more field.
    fn summary(&mut self, tag: &str, step: u64, field: &[u8]) -> Result<()> {
        let mut one = Vec::new();
        bytes_field(&mut one, 1, tag.as_bytes());
        one.extend(field);
        let mut summary = Vec::new();
        bytes_field(&mut summary, 1, &one);
        let mut event = Vec::new();
        bytes_field(&mut event, 5, &summary);
        self.event(step, &event)
    }

    fn synchronise(&mut self) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        written.map_err(|error| Error::file(&self.path, error))
    }

    /// An `Event` of wall time, step and one more field.
    fn event(&mut self, step: u64, field: &[u8]) -> Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut event = vec![1 << 3 | 1];
        event.extend(since.as_secs_f64().to_le_bytes());
        event.push(2 << 3);
        varint(&mut event, step);
        event.extend(field);
        self.file.write_all(&record(&event)).map_err(|error| Error::file(&self.path, error))
    }
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

fn bytes_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// CRC-32C (polynomial 0x1EDC6F41, reflected), rotated and offset as TensorFlow does.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C (RFC 3720, appendix B.4: 32 zeros; and "123456789").
    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(b"123456789"), 0xe306_9283);
    }

    /// The bytes of protobuf's own encoder for Event { step: 300, summary { value { tag: "a", simple_value: 1 } } },
    /// after the nine bytes of the wall time.
    #[test]
    fn a_scalar_is_an_event_in_protobuf() {
        let last = last(|events| events.scalar("a", 300, 1.0).unwrap());
        let expected = [0x10, 0xac, 0x02, 0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, b'a', 0x15, 0, 0, 0x80, 0x3f];
        assert_eq!(last[9..], expected);
    }

    /// Event { step: 1, summary { value { tag: "f", image { height: 1, width: 2, colorspace: 1, encoded_image_string } } } }.
    #[test]
    fn an_image_is_one_with_its_size_and_its_png() {
        let image = Image { width: 2, height: 1, channels: 1, bytes: vec![0, 255] };
        let (png, last) = (image.png().unwrap(), last(|events| events.image("f", 1, &image).unwrap()));
        let size = png.len() as u8;
        let head = [0x10, 1, 0x2a, size + 15, 0x0a, size + 13, 0x0a, 1, b'f', 0x22, size + 8];
        let image = [0x08, 1, 0x10, 2, 0x18, 1, 0x22, size];
        assert_eq!(last[9..], [&head[..], &image[..], &png[..]].concat());
    }

    /// The last event of a file that `write` writes to.
    fn last(write: impl FnOnce(&mut EventFile)) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::open(folder.path(), 0).unwrap();
        write(&mut events);
        events.synchronise().unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let mut at = 0;
        let mut last = Vec::new();
        while at < bytes.len() {
            let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            last = bytes[at + 12..at + 12 + length].to_vec();
            let crc = u32::from_le_bytes(bytes[at + 12 + length..at + 16 + length].try_into().unwrap());
            assert_eq!(crc, masked_crc(&last));
            at += 16 + length;
        }
        last
    }
}
