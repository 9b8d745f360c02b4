//! Reads text files that a config names.

pub use plasticity_core::files::{open, read};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// The text of a regular file in UTF-8, or in UTF-16 with a byte-order mark. A byte-order mark is removed.
/// Lines end with `\n`, also if the file has `\r\n` or, from old Macs, `\r`.
///
/// # Errors
/// As [`open`]. Also if the file is not such a text.
pub fn text(path: &Path) -> Result<String> {
    let bytes = read(path)?;
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok()
    };
    let text = match &bytes[..] {
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, text @ ..] => std::str::from_utf8(text).ok().map(str::to_owned),
        _ => String::from_utf8(bytes).ok(),
    };
    let lines = |text: String| {
        if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
    };
    text.map(lines).ok_or_else(|| Error::new(ErrorKind::InvalidData, "expected text in UTF-8 or UTF-16"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_with_and_without_a_byte_order_mark() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let wide =
            |unit: fn(u16) -> [u8; 2]| "\u{FEFF}ä\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let narrow = ["ä\n".as_bytes(), "\u{FEFF}ä\n".as_bytes()].map(<[u8]>::to_vec);
        for bytes in narrow.into_iter().chain([wide(u16::to_le_bytes), wide(u16::to_be_bytes)]) {
            std::fs::write(file.path(), bytes).unwrap();
            assert_eq!(text(file.path()).unwrap(), "ä\n");
        }
        std::fs::write(file.path(), "a\r\nb\rc\n\rd").unwrap();
        assert_eq!(text(file.path()).unwrap(), "a\nb\nc\n\nd");
        std::fs::write(file.path(), [b'a', 0xE4]).unwrap();
        assert!(text(file.path()).unwrap_err().to_string().contains("UTF-8"));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_links_to_them_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe.png"), folder.path().join("link.png"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, &folder.path().to_owned()] {
            assert!(read(path).unwrap_err().to_string().contains("not a regular file"), "{path:?}");
        }
    }
}
