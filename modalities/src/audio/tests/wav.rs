//! WAV files as writers leave them, and broken ones.

use super::*;

#[test]
fn wav_headers_are_read_as_writers_leave_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let samples = tone(16_000, 440.0, 8_000);
    write_wav(&path, 16_000, 1, &samples);
    let whole = std::fs::read(&path).unwrap();
    let expected = decode::read(&path).unwrap();
    assert_eq!((&whole[36..40], whole.len()), (&b"data"[..], 44 + 16_000));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let insert = |chunk: &[u8]| [&whole[..36], chunk, &whole[36..]].concat();
    let size = |by: i32| (whole.len() as i32 - 8 + by).to_le_bytes();
    let open = |size: u32| {
        let mut changed = with(40, &size.to_le_bytes());
        changed[4..8].copy_from_slice(&size.saturating_add(36).to_le_bytes());
        changed
    };
    let long = |size: u64| {
        let mut long = with(40, &[0xFF; 4]);
        long.splice(
            ..12,
            [&b"RF64\xff\xff\xff\xffWAVEds64"[..], &28_u32.to_le_bytes(), &16_060_u64.to_le_bytes()].concat(),
        );
        long.splice(28..28, [&size.to_le_bytes()[..], &8_000_u64.to_le_bytes(), &[0; 4]].concat());
        long
    };
    for (name, bytes) in [
        ("a RIFF size too small", with(4, &size(-8))),
        ("a RIFF size too large", with(4, &size(8))),
        ("a RIFF size of 0", with(4, &[0; 4])),
        ("an odd chunk with its padding", insert(b"LIST\x05\0\0\0INFOx\0")),
        ("an odd chunk without its padding", insert(b"LIST\x05\0\0\0INFOx")),
        ("a list that is none", insert(b"LIST\x06\0\0\0adtl\xff\xff")),
        ("sox to a pipe", open(0x7FFF_F000)),
        ("opusdec to a pipe", open(0x7FFF_FFFF)),
        ("arecord to a pipe", open(0x8000_0000)),
        ("FFmpeg to a pipe", open(u32::MAX)),
        ("an open size of 0", open(0)),
        ("RF64", long(16_000)),
        ("RF64 with an open size", long(u64::MAX)),
        ("something behind the samples", [&whole[..], b"LIST\x05\0\0\0INFO"].concat()),
        (
            "something behind an open size",
            [&open(u32::MAX)[..], b"LIST\x05\0\0\0INFOx\0id3 \x03\0\0\0abc"].concat(),
        ),
        ("a format of 20 bytes", {
            let mut changed = with(16, &[20, 0, 0, 0]);
            changed.splice(36..36, [0; 4]);
            changed
        }),
        ("12 bits in two bytes", with(34, &[12, 0])),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(decode::length(&path).unwrap(), (8_000, 16_000), "{name}");
        assert!(decode::read(&path).unwrap() == expected, "{name}");
    }
    let mut twice = with(40, &8_000_u32.to_le_bytes());
    twice.splice(8_044..8_044, [&b"data"[..], &7_992_u32.to_le_bytes()].concat());
    for (bytes, expected) in [
        (&whole[..1_044], "ends after 500 of the 8000 samples"),
        (&open(0x9000_0000), "ends after 8000 of the 1207959552 samples"),
        (&long(1 << 32), "ends after 8000 of the 2147483648 samples"),
        (&twice, "its samples in several chunks"),
        (b"RIFF", "only 4 bytes"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let message = message(decode::length(&path));
        assert!(message.contains(expected), "{message}");
    }
}

/// Found with mutated files: symphonia multiplies the channels and the bytes of a sample in 16 bits.
#[test]
fn a_wav_of_more_channels_than_audio_has_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 16_000, 1, &[0.1; 400]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[22..24].fill(0xFF);
    std::fs::write(&path, bytes).unwrap();
    for error in [message(decode::read(&path)), message(decode::length(&path))] {
        assert!(error.contains("a.wav") && error.contains("65535 channels"), "{error}");
    }
}

/// Found with mutated files: symphonia searches a file for a header, and this one was not checked.
#[test]
fn a_wav_behind_other_bytes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 16_000, 1, &[0.1; 400]);
    for channels in [1, 0xFFFF_u16] {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[22..24].copy_from_slice(&channels.to_le_bytes());
        let late = folder.path().join("late.wav");
        std::fs::write(&late, [&[7; 5][..], &bytes].concat()).unwrap();
        for error in [message(decode::read(&late)), message(decode::length(&late))] {
            assert!(error.contains("late.wav") && error.contains("no samples in it"), "{error}");
        }
    }
}

/// The size of the samples of one moment follows from the channels and the bits.
#[test]
fn a_wav_whose_header_leaves_a_size_open_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 16_000, 1, &[0.1; 400]);
    let whole = decode::read(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[32..34].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(decode::read(&path).unwrap(), whole);
}

#[test]
fn sox_leaves_a_whole_number_of_samples_of_all_channels_as_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 16_000, 3, &[0.1; 400]);
    let mut bytes = std::fs::read(&path).unwrap();
    // hound writes an extensible format of 40 bytes for three channels.
    assert_eq!(&bytes[60..64], b"data");
    bytes[64..68].copy_from_slice(&(0x7FFF_F000_u32 / 6 * 6).to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(decode::length(&path).unwrap(), (400, 16_000));
}

/// Some writers mean floats, others integers in the lower or upper three bytes.
#[test]
fn samples_in_more_bytes_than_they_need_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 16_000, 2, &[0.1; 400]);
    let mut bytes = std::fs::read(&path).unwrap();
    (bytes[32], bytes[34]) = (8, 24);
    std::fs::write(&path, bytes).unwrap();
    for error in [message(decode::read(&path)), message(decode::length(&path))] {
        assert!(
            error.contains("a.wav: its header says 24 bits a sample") && error.contains("8 bytes"),
            "{error}"
        );
    }
}
