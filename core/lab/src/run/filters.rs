//! The filters of a first layer, as one image.

use plasticity_core::{Error, Result};

/// An image with one byte (grey) or three (red, green, blue) per pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: u32,
    pub(super) bytes: Vec<u8>,
}

/// The least number of rows and columns of pixels of a filter; smaller filters are enlarged.
const SIDE: usize = 16;

/// The filters of weights `[filter, channel, row, column]` with one channel or three, side by side
/// with a pixel between them. Each filter has its own scale from its least to its largest weight.
/// `None` if the weights have another shape.
pub(super) fn image(weights: &[f32], shape: &[usize]) -> Option<Image> {
    let &[count, channels @ (1 | 3), rows, columns] = shape else { return None };
    if weights.len() != count * channels * rows * columns || weights.is_empty() {
        return None;
    }
    let larger = SIDE.div_ceil(rows.max(columns));
    let across = (1..).find(|side| side * side >= count)?;
    let (high, wide) = (rows * larger + 1, columns * larger + 1);
    let (height, width) = (count.div_ceil(across) * high + 1, across * wide + 1);
    let mut bytes = vec![0; height * width * channels];
    for (place, filter) in weights.chunks(channels * rows * columns).enumerate() {
        let (least, most) =
            filter.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &weight| {
                (least.min(weight), most.max(weight))
            });
        let scale = 255.0 / (most - least).max(f32::MIN_POSITIVE);
        for y in 0..rows * larger {
            for x in 0..columns * larger {
                let (top, left) = (place / across * high + 1, place % across * wide + 1);
                let pixel = ((top + y) * width + left + x) * channels;
                for channel in 0..channels {
                    let weight = filter[(channel * rows + y / larger) * columns + x / larger];
                    bytes[pixel + channel] = ((weight - least) * scale) as u8;
                }
            }
        }
    }
    Some(Image { width: width as u32, height: height as u32, channels: channels as u32, bytes })
}

impl Image {
    /// The image as PNG.
    ///
    /// # Errors
    /// If it is too large for PNG.
    pub(super) fn png(&self) -> Result<Vec<u8>> {
        let refused = |error: png::EncodingError| Error::shape("filters", error.to_string());
        let mut encoded = Vec::new();
        let mut encoder = png::Encoder::new(&mut encoded, self.width, self.height);
        encoder.set_color(if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.bytes))
            .map_err(refused)?;
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stand_side_by_side_each_on_its_own_scale() {
        // Two filters of one row and two columns: each pixel is 8 × 8.
        let made = image(&[0.0, 1.0, 5.0, 3.0], &[2, 1, 1, 2]).unwrap();
        assert_eq!((made.width, made.height, made.channels), (2 * 17 + 1, 10, 1));
        let pixel = |x: usize, y: usize| made.bytes[y * 35 + x];
        assert_eq!(
            [pixel(0, 0), pixel(1, 1), pixel(8, 8), pixel(9, 1), pixel(16, 8), pixel(17, 4)],
            [0, 0, 0, 255, 255, 0]
        );
        assert_eq!([pixel(18, 1), pixel(26, 1)], [255, 0], "5 is the second filter's largest, 3 its least");
        let mut reader = png::Decoder::new(std::io::Cursor::new(made.png().unwrap())).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut read).unwrap();
        assert_eq!(read, made.bytes);
    }

    #[test]
    fn other_weights_are_no_image() {
        assert!(image(&[0.0; 8], &[1, 2, 2, 2]).is_none(), "two channels");
        assert!(image(&[0.0; 3], &[1, 3]).is_none(), "a dense layer");
        assert!(image(&[], &[0, 1, 3, 3]).is_none());
        assert_eq!(image(&[1.0; 27], &[1, 3, 3, 3]).unwrap().channels, 3);
    }
}
