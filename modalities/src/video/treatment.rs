//! Colour changes and normalisation: from cut frames to the values of a clip.

use super::source::Frame;
use crate::common::colour;
use crate::common::limit;
use plasticity_core::Result;
use plasticity_core::random::Random;
use rand::RngExt;

/// The treatment of the frames of a clip.
///
/// Each frame is scaled so that its shorter side has `resize` pixels (triangle filter, same aspect ratio). A
/// square of `size` pixels is cut from it, at the same place in every frame. So clips of different sizes give
/// maps of one size. In learning, the place is random, a clip is mirrored with probability ½ if `flip` is
/// set, and each frame is greyed and jittered independently. A probe uses the centre and changes nothing
/// else. Values x in [0, 1] become (x − mean) / std.
///
/// A grey frame shows one of its three channels, drawn at random, in all three.
///
/// Source: the code published with Han, Xie & Zisserman 2019 (`RandomGray` in its `augmentation.py`).
#[derive(Clone, Debug)]
pub struct Treatment {
    /// The side of the square, in pixels.
    pub size: usize,
    /// The shorter side of a frame before cutting, in pixels. It is at least `size`.
    pub resize: usize,
    /// Whether half of the clips are mirrored in learning.
    pub flip: bool,
    /// The probability that a frame is greyed in learning.
    pub grey: f64,
    /// The largest change of brightness, contrast, saturation and hue of a frame in learning.
    pub jitter: [f32; 4],
    /// The mean of each channel.
    pub mean: [f32; 3],
    /// The standard deviation of each channel.
    pub std: [f32; 3],
}

impl Treatment {
    /// The values of the cut frames of one clip ([`Square`](super::square::Square)), of shape
    /// `[frame, y, x, channel]`.
    ///
    /// # Errors
    /// If there is not enough memory.
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
