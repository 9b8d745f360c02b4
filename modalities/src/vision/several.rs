//! Files with several images: pages of a TIFF, or frames of a GIF, PNG or WebP. Only the first image is read.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Logs a warning for the first file with several images.
pub fn warn(path: &Path, bytes: &[u8]) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.load(Ordering::Relaxed) && has_several(bytes) && !SAID.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "{}: has several images (pages or frames), of which only the first is read; this is said once for all such \
             files",
            path.display()
        );
    }
}

fn has_several(bytes: &[u8]) -> bool {
    match bytes {
        [b'I', b'I', 42, 0, ..] => pages(bytes, u16::from_le_bytes, u32::from_le_bytes) > 1,
        [b'M', b'M', 0, 42, ..] => pages(bytes, u16::from_be_bytes, u32::from_be_bytes) > 1,
        [b'G', b'I', b'F', b'8', ..] => frames_of_gif(bytes) > 1,
        [0x89, b'P', b'N', b'G', ..] => has_frames_in_png(bytes),
        // The extended header has a flag for animation.
        [b'R', b'I', b'F', b'F', ..] => {
            bytes.get(8..16) == Some(b"WEBPVP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0)
        }
        _ => false,
    }
}

/// The number of directories of a TIFF, counted up to two.
fn pages(bytes: &[u8], short: fn([u8; 2]) -> u16, long: fn([u8; 4]) -> u32) -> usize {
    let long_at = |at: usize| {
        let word = bytes.get(at..).and_then(<[u8]>::first_chunk)?;
        Some(long(*word) as usize).filter(|offset| *offset != 0)
    };
    let next = |directory: usize| {
        let entries = short(*bytes.get(directory..)?.first_chunk()?);
        long_at(directory + 2 + 12 * usize::from(entries))
    };
    std::iter::successors(long_at(4), |&directory| next(directory)).take(2).count()
}

/// The number of images of a GIF, counted up to two.
fn frames_of_gif(bytes: &[u8]) -> usize {
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let byte = |at: usize| bytes.get(at).copied();
    let mut at = 13 + byte(10).map_or(0, colours);
    let mut frames = 0;
    while frames < 2 {
        at += match byte(at) {
            Some(0x21) => 2,
            Some(0x2C) => {
                frames += 1;
                11 + byte(at + 9).map_or(0, colours)
            }
            _ => break,
        };
        // Blocks of at most 255 bytes follow, each after its length, until a length of 0.
        while let Some(length @ 1..) = byte(at) {
            at += 1 + usize::from(length);
        }
        at += 1;
    }
    frames
}

/// Whether a PNG has an animation chunk with more than one frame before its image data.
fn has_frames_in_png(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(&[a, b, c, d, ref name @ ..]) = rest.first_chunk::<8>() {
        match name {
            b"acTL" => return rest.get(8..12).is_some_and(|frames| frames > &[0, 0, 0, 1][..]),
            b"IDAT" => return false,
            _ => {}
        }
        let whole = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_add(12).min(rest.len());
        rest = &rest[whole..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::{ExtendedColorType, ImageFormat, RgbImage};
    use std::io::Cursor;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(3, 2, image::Rgb([9, 200, 40])).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn one_image_is_not_several() {
        for format in
            [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Bmp]
        {
            let bytes = encoded(format);
            for length in 0..=bytes.len() {
                assert!(!has_several(&bytes[..length]), "{format:?}");
            }
        }
    }

    #[test]
    fn pages_and_frames_are_several() {
        let mut gif = Vec::new();
        let mut encoder = GifEncoder::new(&mut gif);
        (0..2_u8).for_each(|frame| encoder.encode(&[frame; 18], 3, 2, ExtendedColorType::Rgb8).unwrap());
        drop(encoder);
        assert!(has_several(&gif));
        let png = encoded(ImageFormat::Png);
        let chunk = [&8_u32.to_be_bytes()[..], b"acTL", &2_u32.to_be_bytes(), &[0; 8]].concat();
        assert!(has_several(&[&png[..33], &chunk, &png[33..]].concat()));
        let mut tiff = encoded(ImageFormat::Tiff);
        let first = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
        let entries = usize::from(u16::from_le_bytes(tiff[first..first + 2].try_into().unwrap()));
        tiff[first + 2 + 12 * entries..][..4].copy_from_slice(&(first as u32).to_le_bytes());
        assert!(has_several(&tiff));
        assert!(has_several(b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0"));
    }
}
