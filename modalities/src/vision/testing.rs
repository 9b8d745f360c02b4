//! Files that the tests write.

use super::Picture;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use std::path::{Path, PathBuf};

/// A picture whose neighbouring pixels all differ.
pub fn gradient(height: usize, width: usize) -> Picture {
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| [(5 * y) as u8, (5 * x) as u8, (3 * (x + y)) as u8]))
        .collect();
    Picture::new(height, width, pixels).unwrap()
}

/// A picture of one colour.
pub fn plain(height: usize, width: usize, colour: [u8; 3]) -> Picture {
    Picture::new(height, width, vec![colour; height * width]).unwrap()
}

/// The bytes of a JPEG file of `picture`.
pub fn jpeg(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .write_image(picture.pixels().as_flattened(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// The bytes of a PNG file of `picture`.
pub fn png(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    PngEncoder::new(&mut bytes)
        .write_image(picture.pixels().as_flattened(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// A JPEG of three components, each in a separate baseline scan. The colour components have half the
/// resolution and no colour. Blocks of 8×8 pixels along each row have these lumas in turn.
pub fn jpeg_in_scans(height: u16, width: u16, lumas: [u8; 3]) -> Vec<u8> {
    let [size, across] = [height, width].map(u16::to_be_bytes);
    let mut bytes = [&[0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
    bytes.extend([0xFF, 0xC0, 0, 17, 8, size[0], size[1], across[0], across[1], 3]);
    bytes.extend([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // DC has twelve categories with codes of four bits. AC has only the end of a block, with a code of one
    // bit.
    bytes
        .extend([&[0xFF, 0xC4, 0, 31, 0, 0, 0, 0, 12][..], &[0; 12], &(0..12).collect::<Vec<u8>>()].concat());
    bytes.extend([&[0xFF, 0xC4, 0, 20, 0x10, 1][..], &[0; 15], &[0]].concat());
    let (rows, columns) = (usize::from(height) / 8, usize::from(width) / 8);
    for component in 1..=3 {
        bytes.extend([0xFF, 0xDA, 0, 8, 1, component, 0, 0, 63, 0]);
        let (mut bits, mut before) = (Vec::new(), 0);
        let blocks = if component == 1 { rows * columns } else { rows * columns / 4 };
        for block in 0..blocks {
            let dc = if component == 1 { 8 * (i32::from(lumas[block % columns % 3]) - 128) } else { 0 };
            let (difference, size) = (dc - before, 32 - (dc - before).unsigned_abs().leading_zeros());
            before = dc;
            let low = if difference < 0 { difference - 1 } else { difference };
            bits.extend((0..4).rev().map(|bit| size >> bit & 1 == 1));
            bits.extend((0..size).rev().map(|bit| low >> bit & 1 == 1));
            bits.push(false);
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        for byte in bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))) {
            bytes.push(byte);
            if byte == 0xFF {
                bytes.push(0);
            }
        }
    }
    bytes.extend([0xFF, 0xD9]);
    bytes
}

/// Writes a file and creates its folders.
pub fn write(path: PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Writes `root/CLASS/N.png` and `N.JPEG` for the classes `bird` and `cat`, in sizes from 24×24. The path
/// follows the bytes of each image, so no two folders hold the same bytes.
pub fn class_folders(root: &Path, each: usize) {
    for (c, class) in ["bird", "cat"].iter().enumerate() {
        for i in 0..each {
            let picture = plain(24 + i, 24 + 2 * i, [100 * c as u8, 50, 10 * i as u8]);
            for (name, bytes) in [(format!("{i}.png"), png(&picture)), (format!("{i}.JPEG"), jpeg(&picture))]
            {
                let path = root.display().to_string();
                write(root.join(class).join(name), &[&bytes, path.as_bytes()].concat());
            }
        }
    }
}
