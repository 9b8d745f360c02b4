//! Files that tests write for themselves.

use super::Picture;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use std::path::{Path, PathBuf};

/// A picture in which every pixel can be told from its neighbours.
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

/// The bytes of a JPEG file of it.
pub fn jpeg(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .write_image(picture.pixels().as_flattened(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// The bytes of a PNG file of it.
pub fn png(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    PngEncoder::new(&mut bytes)
        .write_image(picture.pixels().as_flattened(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Writes a file, with the folders it is in.
pub fn write(path: PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// `root/CLASS/N.png` and `.jpg` for the classes `bird` and `cat`, of several sizes from 24×24 up.
pub fn class_folders(root: &Path, each: usize) {
    for (c, class) in ["bird", "cat"].iter().enumerate() {
        for i in 0..each {
            let picture = plain(24 + i, 24 + 2 * i, [100 * c as u8, 50, 10 * i as u8]);
            write(root.join(class).join(format!("{i}.png")), &png(&picture));
            write(root.join(class).join(format!("{i}.JPEG")), &jpeg(&picture));
        }
    }
}
