//! From squares of frames to the values of a clip: colour, normalise.

use super::source::Frame;
use crate::common::colour;
use crate::common::limit;
use plasticity_core::Result;
use plasticity_core::random::Random;
use rand::RngExt;

/// What is done to the frames of a clip.
///
/// Each frame is scaled so that its shorter side has `resize` pixels (triangle filter; the ratio of its sides
/// stays), and a square of `size` pixels is cut out of it, at the same place of every frame; so clips of different
/// sizes give maps of one size. Learning cuts at random, flips with probability ½ where `flip` is set, and
/// greys and jitters each frame by itself; probing cuts the centre and does nothing else. Values x in [0, 1]
/// become (x − mean) / std.
///
/// A grey frame shows one of its three channels, drawn at random, in all three.
///
/// Source: the code published with Han, Xie & Zisserman 2019 (`RandomGray` in its `augmentation.py`).
#[derive(Clone, Debug)]
pub struct Treatment {
    /// Side of the square, in pixels.
    pub size: usize,
    /// Shorter side of a frame before the square is cut, in pixels: at least `size`.
    pub resize: usize,
    /// Whether learning mirrors half of the clips.
    pub flip: bool,
    /// Probability that learning turns a frame grey.
    pub grey: f64,
    /// How far learning moves brightness, contrast, saturation and hue of a frame.
    pub jitter: [f32; 4],
    /// Mean of each channel.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub std: [f32; 3],
}

impl Treatment {
    /// `[frame, y, x, channel]` of the squares of one clip, which are already cut ([`Square`](super::square::Square)).
    ///
    /// # Errors
    /// If memory has no room for them.
    pub fn values(&self, squares: &[Frame], mut augment: Option<&mut Random>) -> Result<Vec<f32>> {
        let mut values = limit::room("clips", squares.iter().map(|square| square.rgb.len()).sum())?;
        for square in squares {
            let start = values.len();
            values.extend(square.rgb.iter().map(|&v| f32::from(v) / 255.0));
            let pixels = &mut values[start..];
            if let Some(random) = augment.as_mut() {
                if self.grey > 0.0 && random.random_bool(self.grey) {
                    colour::split(pixels, random.random_range(0..3));
                }
                colour::jitter(pixels, self.jitter, random);
            }
            for pixel in pixels.chunks_exact_mut(3) {
                for ((value, mean), std) in pixel.iter_mut().zip(self.mean).zip(self.std) {
                    *value = (*value - mean) / std;
                }
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use plasticity_core::random::stream;

    fn treatment(grey: f64) -> Treatment {
        let (size, resize, flip) = (1, 1, false);
        Treatment { size, resize, flip, grey, jitter: [0.0; 4], mean: [0.5; 3], std: [0.5, 1.0, 2.0] }
    }

    fn square() -> Frame {
        Frame { width: 1, height: 1, rgb: vec![255, 0, 51] }
    }

    #[test]
    fn values_are_normalised_by_channel() {
        let values = treatment(1.0).values(&[square(), square()], None).unwrap();
        for (value, expected) in values.into_iter().zip([1.0, -0.5, -0.15, 1.0, -0.5, -0.15]) {
            assert_abs_diff_eq!(value, expected, epsilon = 1e-6);
        }
    }

    #[test]
    fn a_grey_frame_shows_one_of_its_channels() {
        let grey = Treatment { mean: [0.0; 3], std: [1.0 / 255.0; 3], ..treatment(1.0) };
        let mut shown = std::collections::BTreeSet::new();
        for draw in 0..40 {
            let values = grey.values(&[square(), square()], Some(&mut stream(0, &[draw]))).unwrap();
            for frame in values.chunks_exact(3) {
                assert!(frame.iter().all(|value| value == &frame[0]), "{frame:?}");
                shown.insert(frame[0].round() as i32);
            }
        }
        assert_eq!(shown.into_iter().collect::<Vec<_>>(), [0, 51, 255]);
    }
}
