//! Decoded images.

use super::Orientation;
use super::decode::decode;
use super::several;
use crate::common::files;
use plasticity_core::{Error, Result};
use std::path::Path;

/// An image with 8 bits in each of red, green and blue, of shape `[y, x, channel]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    height: usize,
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// An image from `pixels`, of shape `[y, x, channel]`.
    ///
    /// # Errors
    /// If the number of pixels is not `height` · `width`, or is 0.
    pub fn new(height: usize, width: usize, pixels: Vec<[u8; 3]>) -> Result<Self> {
        if pixels.is_empty() || pixels.len() != height * width {
            let message = format!("expected {height}×{width} pixels, got {}", pixels.len());
            return Err(Error::stimulus("image", message));
        }
        Ok(Self { height, width, pixels })
    }

    /// An image from three planes (red, green and blue). `at(y, x)` is the place of a pixel in each plane.
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

    /// Reads a file: JPEG, PNG, WebP, BMP, TIFF or the first picture of a GIF.
    ///
    /// # Errors
    /// If the file cannot be read, is truncated, or has another format; the error names the file.
    pub fn read(path: &Path, orientation: Orientation) -> Result<Self> {
        let bytes = files::read(path).map_err(|e| Error::file(path, format!("cannot be read: {e}")))?;
        several::warn(path, &bytes);
        decode(&bytes, orientation).map_err(|message| Error::file(path, message))
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels, of shape `[y, x, channel]`.
    pub fn pixels(&self) -> &[[u8; 3]] {
        &self.pixels
    }

    /// The values, of shape `[y, x, channel]`.
    pub fn into_rgb(self) -> Vec<u8> {
        self.pixels.into_flattened()
    }

    /// `columns` pixels of row `y` from column `x`, clipped to the image.
    pub fn row(&self, y: usize, x: usize, columns: usize) -> &[[u8; 3]] {
        let row = self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or_default();
        row.get(x..(x + columns).min(row.len())).unwrap_or_default()
    }
}

/// The luma of ITU-R BT.601 in 8 bits, rounded as in the usual fixed-point form.
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    // 0.299, 0.587 and 0.114 in units of 2⁻¹⁶.
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000;
    (sum >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_that_of_bt_601() {
        for (pixel, expected) in
            [([255, 255, 255], 255), ([0, 0, 0], 0), ([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29)]
        {
            assert_eq!(luma(pixel), expected);
        }
    }
}
