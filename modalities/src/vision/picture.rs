//! Decoded images.

use super::jpeg;
use image::{ImageFormat, ImageReader};
use plasticity_core::{Error, Result};
use std::io::Cursor;
use std::path::Path;

/// An image of 8 bits a channel in red, green and blue: `[y, x, channel]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    height: usize,
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// An image over `pixels`, `[y, x, channel]`.
    ///
    /// # Errors
    /// Where the number of pixels is not `height` · `width`, or is 0.
    pub fn new(height: usize, width: usize, pixels: Vec<[u8; 3]>) -> Result<Self> {
        if pixels.is_empty() || pixels.len() != height * width {
            let message = format!("expected {height}×{width} pixels, got {}", pixels.len());
            return Err(Error::stimulus("image", message));
        }
        Ok(Self { height, width, pixels })
    }

    /// Makes an image of three planes, red, green and blue, each with `at(y, x)` as the place of a pixel.
    pub(super) fn from_planes(size: usize, planes: &[u8], at: impl Fn(usize, usize) -> usize) -> Self {
        let plane = size * size;
        let mut pixels = Vec::with_capacity(plane);
        for y in 0..size {
            for x in 0..size {
                let value = |c| planes.get(c * plane + at(y, x)).copied().unwrap_or(0);
                pixels.push([value(0), value(1), value(2)]);
            }
        }
        Self { height: size, width: size, pixels }
    }

    /// Reads a JPEG or PNG file.
    ///
    /// # Errors
    /// Names the file where it cannot be read, is truncated, or is of another kind.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, format!("cannot be read: {e}")))?;
        Self::decode(&bytes).map_err(|message| Error::file(path, message))
    }

    /// Decodes a JPEG or PNG file's bytes; an error says what is wrong with them.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let format = match image::guess_format(bytes) {
            Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => format,
            _ => return Err("is neither JPEG nor PNG; convert it, or take it out of the folder".to_owned()),
        };
        if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
            return Err("is a truncated JPEG: it ends before the image does; replace it, or take it out of \
                        the folder"
                .to_owned());
        }
        let mut reader = ImageReader::new(Cursor::new(bytes));
        reader.set_format(format);
        let kind = if format == ImageFormat::Jpeg { "JPEG" } else { "PNG" };
        let decoded = reader
            .decode()
            .map_err(|e| format!("is a damaged {kind} ({e}); replace it, or take it out of the folder"))?;
        let rgb = decoded.into_rgb8();
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        let pixels = rgb.pixels().map(|pixel| pixel.0).collect();
        Self::new(height, width, pixels).map_err(|_| format!("is a {kind} of no pixels"))
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its pixels, `[y, x, channel]`.
    pub fn pixels(&self) -> &[[u8; 3]] {
        &self.pixels
    }

    /// Its values, `[y, x, channel]`.
    pub fn into_rgb(self) -> Vec<u8> {
        self.pixels.into_flattened()
    }

    /// `columns` pixels of row `y` from column `x` on, clipped to the image.
    pub fn row(&self, y: usize, x: usize, columns: usize) -> &[[u8; 3]] {
        let row = self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or_default();
        row.get(x..(x + columns).min(row.len())).unwrap_or_default()
    }
}

/// Luma of ITU-R BT.601 in 8 bits, rounded as the usual fixed-point form does.
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    // 0.299, 0.587 and 0.114 in units of 2⁻¹⁶.
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000;
    (sum >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    #[test]
    fn png_is_exact_and_jpeg_is_near() {
        let picture = testing::gradient(24, 20);
        assert_eq!(Picture::decode(&testing::png(&picture)).unwrap(), picture);
        let near = Picture::decode(&testing::jpeg(&picture)).unwrap();
        assert_eq!((near.height, near.width), (24, 20));
        let error = near
            .pixels
            .as_flattened()
            .iter()
            .zip(picture.pixels.as_flattened())
            .map(|(a, b)| f64::from(a.abs_diff(*b)))
            .sum::<f64>();
        assert!(error / ((3 * near.pixels.len()) as f64) < 8.0);
    }

    #[test]
    fn truncated_files_are_errors_at_every_length() {
        let picture = testing::gradient(40, 40);
        for bytes in [testing::jpeg(&picture), testing::png(&picture)] {
            for length in (0..bytes.len() - 20).step_by(7) {
                assert!(Picture::decode(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn damaged_files_never_panic() {
        let picture = testing::gradient(24, 24);
        let mut random = plasticity_core::random::stream(1, &[]);
        for whole in [testing::jpeg(&picture), testing::png(&picture)] {
            for _ in 0..400 {
                let mut bytes = whole.clone();
                for _ in 0..3 {
                    let at = rand::Rng::random_range(&mut random, 2..bytes.len());
                    bytes[at] = rand::Rng::random(&mut random);
                }
                let _ = Picture::decode(&bytes);
            }
        }
    }

    #[test]
    fn luma_is_that_of_bt_601() {
        for (pixel, expected) in
            [([255, 255, 255], 255), ([0, 0, 0], 0), ([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29)]
        {
            assert_eq!(luma(pixel), expected);
        }
    }
}
