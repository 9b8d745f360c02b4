//! Checks whether a JPEG file is complete.
//!
//! The decoder fills the missing part of a truncated file with grey and reports success. So the end of the
//! image is searched here. Markers are those of ITU-T T.81 (1992), Annex B.

/// Whether the markers of a JPEG stream lead to its end-of-image marker.
pub fn is_complete(bytes: &[u8]) -> bool {
    let mut at = 2; // past the start of image
    let mut in_scan = false;
    loop {
        if in_scan {
            // Entropy-coded data last until a 0xFF that is not stuffed (FF 00), a restart marker or fill.
            match bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF)) {
                Some(offset) => at += offset,
                None => return false,
            }
        }
        let (Some(0xFF), Some(&code)) = (bytes.get(at), bytes.get(at + 1)) else { return false };
        match code {
            0xFF => at += 1,
            0x00 | 0xD0..=0xD7 if in_scan => at += 2,
            0xD9 => return true,
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let (Some(&high), Some(&low)) = (bytes.get(at + 2), bytes.get(at + 3)) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                in_scan = code == 0xDA || in_scan;
            }
        }
    }
}

/// The coding of a JPEG, as far as it decides which decoder is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Baseline with all components in one scan, or progressive.
    Usual,
    /// Baseline with components in separate scans.
    Apart,
    /// A coding that no common decoder reads, with its name.
    Other(&'static str),
}

/// The coding of a JPEG, from its frame header and its first scan (Annex B, Table B.1).
pub fn coding(bytes: &[u8]) -> Coding {
    let (mut at, mut components) = (2, 0);
    while let (Some(0xFF), Some(&code)) = (bytes.get(at), bytes.get(at + 1)) {
        match code {
            0xFF => {
                at += 1;
                continue;
            }
            0xC9..=0xCB => return Coding::Other("arithmetic"),
            0xC3 => return Coding::Other("lossless"),
            0xC5..=0xC7 | 0xCD..=0xCF => return Coding::Other("hierarchical"),
            // Length, precision, rows and columns, then the number of components.
            0xC0 | 0xC1 => components = bytes.get(at + 9).copied().unwrap_or(0),
            0xDA if bytes.get(at + 4).is_some_and(|scanned| *scanned < components) => return Coding::Apart,
            0xDA => break,
            _ => {}
        }
        let (Some(&high), Some(&low)) = (bytes.get(at + 2), bytes.get(at + 3)) else { break };
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    Coding::Usual
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    #[test]
    fn only_the_whole_file_is_complete() {
        let bytes = testing::jpeg(&testing::gradient(40, 32));
        assert!(is_complete(&bytes));
        for length in 0..bytes.len() {
            assert!(!is_complete(&bytes[..length]), "{length} of {}", bytes.len());
        }
        let mut padded = bytes.clone();
        padded.extend([0, 0, 0]);
        assert!(is_complete(&padded));
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_image() {
        let bytes = testing::jpeg(&testing::gradient(16, 16));
        // An application segment with an end-of-image marker in it, as in an EXIF thumbnail.
        let mut with_thumbnail = bytes[..2].to_vec();
        with_thumbnail.extend([0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 0xFF, 0xD9]);
        with_thumbnail.extend(&bytes[2..bytes.len() - 2]);
        assert!(!is_complete(&with_thumbnail));
        with_thumbnail.extend([0xFF, 0xD9]);
        assert!(is_complete(&with_thumbnail));
    }
}
