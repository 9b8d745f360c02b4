//! Pictures of stimuli and weights, as PNG or JPEG inside the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, RgbaImage, codecs::jpeg::JpegEncoder,
    codecs::png::PngEncoder,
};
use plasticity_core::{Error, Result};
use plasticity_lab::analysis::Excerpt;

/// An image with red, green, blue and opacity.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The number of columns.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
    /// The values, of shape `[row, column, 4]`.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// A picture of `values`, of shape `[row, column, channel]`, from `low` (black) to `high` (white).
    pub fn of(width: usize, height: usize, channels: usize, values: &[f32], (low, high): (f32, f32)) -> Self {
        let room = (high - low).max(f32::MIN_POSITIVE);
        let byte = |value: f32| (255.0 * ((value - low) / room).clamp(0.0, 1.0)).round() as u8;
        let pixel = |values: &[f32]| -> [u8; 4] {
            match values {
                [r, g, b, ..] if channels >= 3 => [byte(*r), byte(*g), byte(*b), 255],
                [grey, ..] => [byte(*grey), byte(*grey), byte(*grey), 255],
                [] => [0; 4],
            }
        };
        let mut rgba: Vec<u8> = values.chunks(channels.max(1)).flat_map(pixel).collect();
        rgba.resize(4 * width * height, 0);
        Self { width, height, rgba }
    }

    /// A transparent picture.
    pub fn clear(width: usize, height: usize) -> Self {
        Self { width, height, rgba: vec![0; 4 * width * height] }
    }

    /// The middle frame of an excerpt of a stimulus. `range` is the range of values to show.
    pub fn of_excerpt(excerpt: &Excerpt, range: (f32, f32)) -> Self {
        let [time, height, width] = excerpt.extent;
        let each = height * width * excerpt.channels;
        let from = time / 2 * each;
        let values = excerpt.values.get(from..from + each).unwrap_or_default();
        Self::of(width, height, excerpt.channels, values, range)
    }

    /// Places pictures of equal size side by side, `columns` in a row, with `gap` transparent pixels between
    /// them.
    pub fn sheet(pictures: &[Self], columns: usize, gap: usize) -> Self {
        let Some(first) = pictures.first() else { return Self::clear(1, 1) };
        let (w, h) = (first.width, first.height);
        let columns = columns.clamp(1, pictures.len());
        let rows = pictures.len().div_ceil(columns);
        let (width, height) = (columns * (w + gap) - gap, rows * (h + gap) - gap);
        let mut sheet = Self::clear(width, height);
        for (index, picture) in pictures.iter().enumerate() {
            let (left, top) = (index % columns * (w + gap), index / columns * (h + gap));
            for row in 0..h.min(picture.height) {
                let to = 4 * ((top + row) * width + left);
                let from = 4 * row * picture.width;
                let count = 4 * w.min(picture.width);
                sheet.rgba[to..to + count].copy_from_slice(&picture.rgba[from..from + count]);
            }
        }
        sheet
    }

    /// The picture, scaled down to at most `side` pixels in width and height.
    pub fn thumbnail(&self, side: usize) -> Self {
        if self.width.max(self.height) <= side {
            return self.clone();
        }
        let Some(image) = RgbaImage::from_raw(self.width as u32, self.height as u32, self.rgba.clone())
        else {
            return self.clone();
        };
        let small = DynamicImage::from(image).thumbnail(side as u32, side as u32).to_rgba8();
        Self { width: small.width() as usize, height: small.height() as usize, rgba: small.into_raw() }
    }

    /// The picture as a PNG in a data URL, without loss.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn png(&self) -> Result<String> {
        let mut bytes = Vec::new();
        self.encode(PngEncoder::new(&mut bytes), &self.rgba, ExtendedColorType::Rgba8)?;
        Ok(address("png", &bytes))
    }

    /// The picture as a JPEG in a data URL. It is smaller than a PNG, for many pictures at once, but has no
    /// opacity.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn jpeg(&self) -> Result<String> {
        let mut bytes = Vec::new();
        let rgb: Vec<u8> = self.rgba.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
        self.encode(JpegEncoder::new_with_quality(&mut bytes, 60), &rgb, ExtendedColorType::Rgb8)?;
        Ok(address("jpeg", &bytes))
    }

    fn encode(&self, encoder: impl ImageEncoder, values: &[u8], colours: ExtendedColorType) -> Result<()> {
        encoder
            .write_image(values, self.width as u32, self.height as u32, colours)
            .map_err(|error| Error::file("picture", format!("cannot be encoded: {error}")))
    }
}

/// The smallest and largest of the values, without the lowest and the highest hundredth.
pub fn range(values: &mut Vec<f32>) -> (f32, f32) {
    values.retain(|value| value.is_finite());
    values.sort_by(f32::total_cmp);
    let at = |share: f64| values.get((share * values.len().saturating_sub(1) as f64) as usize).copied();
    (at(0.01).unwrap_or(0.0), at(0.99).unwrap_or(1.0))
}

/// A data URL: `data:image/png;base64,…`
fn address(kind: &str, bytes: &[u8]) -> String {
    format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_hold_pictures_side_by_side() {
        let picture = |value| Picture::of(1, 1, 1, &[value], (0.0, 1.0));
        let sheet = Picture::sheet(&[picture(0.0), picture(1.0), picture(2.0)], 2, 1);
        assert_eq!((sheet.width, sheet.height), (3, 3));
        let at = |x: usize, y: usize| [0, 3].map(|part| sheet.rgba[4 * (y * 3 + x) + part]);
        let (black, white, clear) = ([0, 255], [255, 255], [0, 0]);
        assert_eq!([at(0, 0), at(1, 0), at(2, 0), at(0, 2), at(2, 2)], [black, clear, white, white, clear]);
    }

    #[test]
    fn the_outermost_values_are_left_out_of_a_range() {
        let mut values: Vec<f32> = (0..=200).map(|value| value as f32).collect();
        values[0] = -1e9;
        assert_eq!(range(&mut values), (2.0, 198.0));
    }
}
