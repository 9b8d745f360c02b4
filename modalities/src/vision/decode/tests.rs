//! Files of all kinds, valid and broken.

use super::*;
use crate::vision::testing;
use Orientation::{Stored, Upright};

fn encoded(picture: &Picture, format: ImageFormat) -> Vec<u8> {
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let image = RgbImage::from_raw(width, height, picture.clone().into_rgb()).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with an EXIF segment that gives its orientation.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]].concat();
    let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

fn near(a: &Picture, b: &Picture, most: f64) {
    assert_eq!((a.height(), a.width()), (b.height(), b.width()));
    let (a, b) = (a.pixels().as_flattened(), b.pixels().as_flattened());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    assert!(sum / (a.len() as f64) < most, "{}", sum / a.len() as f64);
}

#[test]
fn lossless_kinds_are_exact_and_jpeg_is_near() {
    let picture = testing::gradient(24, 20);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        assert_eq!(decode(&encoded(&picture, format), Upright).unwrap(), picture, "{format:?}");
    }
    let plain = testing::plain(24, 20, [200, 30, 60]);
    near(&decode(&encoded(&plain, ImageFormat::Gif), Upright).unwrap(), &plain, 2.0);
    near(&decode(&testing::jpeg(&picture), Upright).unwrap(), &picture, 8.0);
}

#[test]
fn photographs_are_turned_as_exif_says() {
    let picture = testing::gradient(24, 40);
    let lying = testing::jpeg(&picture);
    let stored = decode(&turned(&lying, 6), Stored).unwrap();
    near(&stored, &picture, 8.0);
    let upright = decode(&turned(&lying, 6), Upright).unwrap();
    // The image turns by a quarter to the right, so the first column, from below, is the first row.
    assert_eq!((upright.height(), upright.width()), (40, 24));
    let column: Vec<_> = (0..24).rev().map(|y| stored.row(y, 0, 1)[0]).collect();
    assert_eq!(upright.row(0, 0, 24), column);
    assert_eq!(decode(&turned(&lying, 1), Upright).unwrap(), decode(&lying, Upright).unwrap());
}

#[test]
fn truncated_files_are_errors_at_every_length() {
    let picture = testing::gradient(40, 40);
    for bytes in [testing::jpeg(&picture), testing::png(&picture)] {
        for length in (0..bytes.len() - 20).step_by(7) {
            assert!(decode(&bytes[..length], Upright).is_err(), "{length} of {}", bytes.len());
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let picture = testing::gradient(24, 24);
    let mut random = plasticity_core::random::stream(1, &[]);
    let formats = [ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Gif];
    let others = formats.map(|format| encoded(&picture, format));
    let apart = testing::jpeg_in_scans(16, 32, [20, 90, 160]);
    for whole in [testing::jpeg(&picture), testing::png(&picture), apart].into_iter().chain(others) {
        for _ in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                let at = rand::RngExt::random_range(&mut random, 2..bytes.len());
                bytes[at] = rand::RngExt::random(&mut random);
            }
            let _ = decode(&bytes, Upright);
        }
    }
}

#[test]
fn components_in_scans_of_their_own_are_read() {
    // Only luma carries the picture: 20, 90 and 160 in blocks of 8×8 pixels along rows.
    let picture = decode(&testing::jpeg_in_scans(16, 32, [20, 90, 160]), Upright).unwrap();
    assert_eq!((picture.height(), picture.width()), (16, 32));
    for (block, luma) in [(0, 20_u8), (1, 90), (2, 160), (3, 20)] {
        let middle = picture.row(4, 8 * block + 4, 1)[0];
        assert!(middle.iter().all(|value| value.abs_diff(luma) < 4), "{block}: {middle:?}");
    }
}

#[test]
fn other_codings_are_named() {
    let mut bytes = testing::jpeg(&testing::gradient(16, 16));
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 1] = 0xC9;
    assert!(decode(&bytes, Upright).unwrap_err().contains("arithmetic"));
    bytes[frame + 1] = 0xC3;
    assert!(decode(&bytes, Upright).unwrap_err().contains("lossless"));
}

#[test]
fn what_a_png_says_beside_its_pixels_is_not_unpacked() {
    let picture = testing::gradient(24, 20);
    let png = testing::png(&picture);
    // A chunk after the header with a wrong checksum and an invalid compressed body. Reading it would be an
    // error.
    let chunk = |name: &[u8]| [&12_u32.to_be_bytes()[..], name, b"name\0\0junk!!", &[0; 4]].concat();
    for name in [b"iCCP", b"zTXt", b"iTXt"] {
        let bytes = [&png[..33], &chunk(name), &png[33..]].concat();
        assert_eq!(png::without_texts(&bytes), png);
        assert_eq!(decode(&bytes, Upright).unwrap(), picture);
    }
}

/// A TIFF of floating-point numbers is valid, so it must not be called damaged.
#[test]
fn what_is_not_supported_is_not_called_damaged() {
    let entry = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let (short, long) = (3, 4);
    let entries = [
        entry(256, short, 2),
        entry(257, short, 1),
        entry(258, short, 32),
        entry(259, short, 1),
        entry(262, short, 1),
        entry(273, long, 128),
        entry(277, short, 1),
        entry(278, short, 1),
        entry(279, long, 8),
        entry(339, short, 3),
    ];
    let mut bytes = [&b"II*\0\x08\0\0\0\x0a\0"[..], &entries.concat(), &[0; 4]].concat();
    bytes.resize(128, 0);
    bytes.extend([0.25_f32, 0.5].into_iter().flat_map(f32::to_le_bytes));
    let error = decode(&bytes, Upright).unwrap_err();
    assert!(error.contains("TIFF that is not supported") && error.contains("convert it"), "{error}");
}

/// The file has one bit per pixel, but the decoded image has 24.
#[test]
fn a_small_file_with_many_pixels_is_refused_as_too_large() {
    let picture = testing::gradient(24, 20);
    let mut bytes = encoded(&picture, ImageFormat::Bmp);
    bytes[18..22].copy_from_slice(&20_000_i32.to_le_bytes());
    bytes[22..26].copy_from_slice(&20_000_i32.to_le_bytes());
    let error = decode(&bytes, Upright).unwrap_err();
    assert!(error.contains("BMP that takes more than 512 MiB"), "{error}");
    let png = testing::png(&testing::gradient(24, 20));
    // The header's width, height, bit depth and colour type, with its checksum: 20,000 × 20,000 pixels of one
    // grey bit.
    let header = [&20_000_u32.to_be_bytes()[..], &20_000_u32.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
    let sum = crc([&b"IHDR"[..], &header].concat().as_slice()).to_be_bytes();
    let large = [&png[..16], &header, &sum, &png[33..]].concat();
    let error = decode(&large, Upright).unwrap_err();
    assert!(error.contains("PNG that takes more than 512 MiB"), "{error}");
}

/// The CRC-32 of PNG (polynomial 0xEDB88320).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
