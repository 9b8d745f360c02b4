//! From stored frames to the values of a clip: resize, crop, flip, colour, normalise.

use super::clip::Frame;
use crate::colour;
use crate::limit;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::Rng;

/// What is done to the frames of a clip.
///
/// Each frame is scaled so that its shorter side has `resize` pixels (triangle filter; the ratio of its sides
/// stays), and a square of `size` pixels is cut out of it, at the same place of every frame; so clips of different
/// sizes give maps of one size. Learning cuts at random, flips with probability ½ where `flip` is set, and
/// greys and jitters each frame by itself; read-out cuts the centre and does nothing else. Values x in [0, 1]
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

/// The longest side that a frame is scaled to, in pixels: beyond, a narrow frame would take all memory.
const LONGEST: usize = 1 << 14;

impl Treatment {
    /// `[frame, y, x, channel]` of the frames of one clip; `place` is its file or folder, for messages.
    ///
    /// # Errors
    /// Where the frames have different sizes or no pixels, or one side of them is too many times the other.
    pub fn apply(
        &self,
        frames: Vec<Frame>,
        place: &str,
        mut augment: Option<&mut Random>,
    ) -> Result<Vec<f32>> {
        let mut values = limit::room(place, frames.len() * self.size * self.size * 3)?;
        let Some(extent) = frames.first().map(|frame| (frame.width, frame.height)) else { return Ok(values) };
        let (width, height) =
            scaled(extent, self.resize).map_err(|message| Error::stimulus(place, message))?;
        let draw = |space: usize, random: &mut Option<&mut Random>| match random {
            Some(random) => random.random_range(0..=space),
            None => space / 2,
        };
        let left = draw(width - self.size, &mut augment);
        let top = draw(height - self.size, &mut augment);
        let mirrored = self.flip && augment.as_mut().is_some_and(|random| random.random::<bool>());
        for frame in frames {
            if (frame.width, frame.height) != extent {
                let message =
                    format!("frames of {extent:?} and {:?} pixels in one clip", (frame.width, frame.height));
                return Err(Error::stimulus(place, message));
            }
            let scaled = scale(frame, width, height).map_err(|message| Error::stimulus(place, message))?;
            let start = values.len();
            for y in top..top + self.size {
                for x in 0..self.size {
                    let x = left + if mirrored { self.size - 1 - x } else { x };
                    let at = (y * width + x) * 3;
                    values.extend(scaled[at..at + 3].iter().map(|&v| f32::from(v) / 255.0));
                }
            }
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

/// Width and height once the shorter side has `side` pixels.
fn scaled((width, height): (usize, usize), side: usize) -> Result<(usize, usize), String> {
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 {
        return Err(format!("a frame of {width}×{height} pixels"));
    }
    let longer = (long * side + short / 2) / short;
    if longer > LONGEST {
        return Err(format!(
            "a frame of {width}×{height} pixels has {longer} on its longer side once the shorter one is scaled to \
             {side}, at most {LONGEST} are allowed: take the clip out, or lower `stimulus.resize` (left out: \
             `stimulus.size`)"
        ));
    }
    Ok(if width <= height { (side, longer) } else { (longer, side) })
}

fn scale(frame: Frame, width: usize, height: usize) -> Result<Vec<u8>, String> {
    if (frame.width, frame.height) == (width, height) {
        return Ok(frame.rgb);
    }
    let (from_width, from_height) = (frame.width, frame.height);
    let image: ImageBuffer<Rgb<u8>, _> =
        ImageBuffer::from_raw(from_width as u32, from_height as u32, frame.rgb)
            .ok_or("a frame with fewer values than pixels")?;
    Ok(imageops::resize(&image, width as u32, height as u32, FilterType::Triangle).into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::random::stream;

    fn treatment(size: usize, resize: usize) -> Treatment {
        Treatment {
            size,
            resize,
            flip: true,
            grey: 0.0,
            jitter: [0.0; 4],
            mean: [0.0; 3],
            std: [1.0 / 255.0; 3],
        }
    }

    /// The value of a pixel tells its place.
    fn frame(width: usize, height: usize) -> Frame {
        let rgb = (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 7]).collect();
        Frame { width, height, rgb }
    }

    #[test]
    fn read_out_cuts_the_centre() {
        let values = treatment(4, 6).apply(vec![frame(10, 6); 2], "clip", None).unwrap();
        assert_eq!(values.len(), 2 * 4 * 4 * 3);
        assert_eq!(values[..6].iter().map(|v| v.round()).collect::<Vec<_>>(), [3.0, 1.0, 7.0, 4.0, 1.0, 7.0]);
    }

    #[test]
    fn learning_cuts_and_flips_all_frames_of_a_clip_alike() {
        let (mut places, mut flips) = (std::collections::BTreeSet::new(), 0);
        for draw in 0..60 {
            let mut random = stream(0, &[draw]);
            let values = treatment(4, 6).apply(vec![frame(10, 6); 2], "clip", Some(&mut random)).unwrap();
            let (a, b) = values.split_at(48);
            assert_eq!(a, b);
            let flipped = a[0] > a[3];
            flips += usize::from(flipped);
            places.insert((a[if flipped { 9 } else { 0 }].round() as i32, a[1].round() as i32));
        }
        assert!((15..45).contains(&flips), "{flips}");
        assert_eq!(places.len(), 21, "7 columns by 3 rows: {places:?}");
    }

    #[test]
    fn a_grey_frame_shows_one_of_its_channels() {
        let grey = Treatment { flip: false, grey: 1.0, ..treatment(1, 1) };
        let mut shown = std::collections::BTreeSet::new();
        for draw in 0..40 {
            let frames = vec![Frame { width: 1, height: 1, rgb: vec![200, 80, 40] }; 2];
            let values = grey.apply(frames, "clip", Some(&mut stream(0, &[draw]))).unwrap();
            for frame in values.chunks_exact(3) {
                assert!(frame.iter().all(|value| value == &frame[0]), "{frame:?}");
                shown.insert(frame[0].round() as i32);
            }
        }
        assert_eq!(shown.into_iter().collect::<Vec<_>>(), [40, 80, 200]);
    }

    #[test]
    fn clips_of_any_size_give_one_size() {
        for (width, height) in [(64, 64), (40, 90), (320, 240), (3, 5)] {
            let values = treatment(16, 20).apply(vec![frame(width, height)], "clip", None).unwrap();
            assert_eq!(values.len(), 16 * 16 * 3);
        }
    }

    #[test]
    fn frames_of_different_sizes_in_one_clip_are_an_error() {
        let error =
            treatment(4, 6).apply(vec![frame(8, 8), frame(9, 8)], "clip", None).unwrap_err().to_string();
        assert!(error.contains("(8, 8)") && error.contains("(9, 8)"), "{error}");
    }

    #[test]
    fn a_frame_too_narrow_to_be_scaled_is_an_error_that_names_the_clip() {
        for (width, height) in [(1, 1 << 20), (1, 1 << 21), (1 << 22, 1), (1, 17)] {
            let frames = vec![frame(width, height)];
            let error = treatment(1024, 1024).apply(frames, "v_Bend_g01_c01", None).unwrap_err().to_string();
            assert!(error.contains("v_Bend_g01_c01") && error.contains("stimulus.resize"), "{error}");
        }
        assert!(treatment(1024, 1024).apply(vec![frame(1, 16)], "clip", None).is_ok());
    }
}
