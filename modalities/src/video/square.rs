//! The square that is cut from every frame of a clip.

use super::source::Frame;
use super::treatment::Treatment;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::RngExt;

/// The longest side of a scaled frame, in pixels. A longer side, of a narrow frame, would use all memory.
const LONGEST: usize = 1 << 14;

/// Scales the frames of one clip and cuts the same square from each, as [`Treatment`] says.
pub struct Square<'a> {
    treatment: &'a Treatment,
    /// The clip's file or folder, for messages.
    place: &'a str,
    on: Option<On>,
}

/// The place of the square, fixed by the clip's first frame.
struct On {
    /// The width and height of the clip's frames.
    extent: (usize, usize),
    /// The width and height after scaling.
    scaled: (usize, usize),
    left: usize,
    top: usize,
    mirrored: bool,
}

impl<'a> Square<'a> {
    /// A square for the clip at `place`.
    pub fn new(treatment: &'a Treatment, place: &'a str) -> Self {
        Self { treatment, place, on: None }
    }

    /// Cuts `size` × `size` pixels from a frame. The first frame fixes their place: random with `augment`,
    /// else the centre.
    ///
    /// # Errors
    /// If a frame has another size than the first, no pixels, or too large a ratio of its sides.
    pub fn cut(&mut self, frame: Frame, augment: Option<&mut Random>) -> Result<Frame> {
        let wrong = |message: String| Error::stimulus(self.place, message);
        let extent = (frame.width, frame.height);
        if frame.rgb.len() != frame.width * frame.height * 3 {
            return Err(wrong(format!("a frame of {extent:?} pixels has {} values", frame.rgb.len())));
        }
        let on = match &mut self.on {
            Some(on) => on,
            none => none.insert(On::draw(self.treatment, extent, augment).map_err(wrong)?),
        };
        if on.extent != extent {
            return Err(wrong(format!("frames of {:?} and {extent:?} pixels in one clip", on.extent)));
        }
        let (size, width) = (self.treatment.size, on.scaled.0);
        let scaled = scale(frame, on.scaled).map_err(wrong)?;
        let mut rgb = Vec::with_capacity(size * size * 3);
        for y in on.top..on.top + size {
            let row = &scaled.as_chunks::<3>().0[y * width + on.left..][..size];
            if on.mirrored {
                rgb.extend(row.iter().rev().flatten());
            } else {
                rgb.extend(row.iter().flatten());
            }
        }
        Ok(Frame { width: size, height: size, rgb })
    }
}

impl On {
    fn draw(
        treatment: &Treatment,
        extent: (usize, usize),
        mut augment: Option<&mut Random>,
    ) -> Result<Self, String> {
        let scaled = scaled(extent, treatment.resize)?;
        let mut draw = |space: usize| match &mut augment {
            Some(random) => random.random_range(0..=space),
            None => space / 2,
        };
        let (left, top) = (draw(scaled.0 - treatment.size), draw(scaled.1 - treatment.size));
        let mirrored = treatment.flip && augment.is_some_and(|random| random.random::<bool>());
        Ok(Self { extent, scaled, left, top, mirrored })
    }
}

/// The width and height after scaling the shorter side to `side` pixels.
fn scaled((width, height): (usize, usize), side: usize) -> Result<(usize, usize), String> {
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 {
        return Err(format!("a frame of {width}×{height} pixels"));
    }
    let longer = (long * side + short / 2) / short;
    if longer > LONGEST {
        return Err(format!(
            "a frame of {width}×{height} pixels would have {longer} on its longer side after scaling the shorter \
             one to {side}; at most {LONGEST} are allowed: remove the clip, or lower `stimulus.resize` (left \
             out: `stimulus.size`)"
        ));
    }
    Ok(if width <= height { (side, longer) } else { (longer, side) })
}

fn scale(frame: Frame, (width, height): (usize, usize)) -> Result<Vec<u8>, String> {
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
        let (grey, jitter, mean, std) = (0.0, [0.0; 4], [0.0; 3], [1.0; 3]);
        Treatment { size, resize, flip: true, grey, jitter, mean, std }
    }

    /// A frame in which the value of a pixel shows its place.
    fn frame(width: usize, height: usize) -> Frame {
        let rgb = (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 7]).collect();
        Frame { width, height, rgb }
    }

    fn cut(
        treatment: &Treatment,
        frames: Vec<Frame>,
        mut augment: Option<&mut Random>,
    ) -> Result<Vec<Frame>> {
        let mut square = Square::new(treatment, "v_Bend_g01_c01");
        frames.into_iter().map(|frame| square.cut(frame, augment.as_deref_mut())).collect()
    }

    #[test]
    fn probe_cuts_the_centre() {
        let frames = cut(&treatment(4, 6), vec![frame(10, 6); 2], None).unwrap();
        assert_eq!((frames.len(), frames[1].width, frames[1].height), (2, 4, 4));
        assert_eq!(frames[1].rgb[..6], [3, 1, 7, 4, 1, 7]);
    }

    #[test]
    fn learning_cuts_and_flips_all_frames_of_a_clip_alike() {
        let (mut places, mut flips) = (std::collections::BTreeSet::new(), 0);
        for draw in 0..60 {
            let mut random = stream(0, &[draw]);
            let frames = cut(&treatment(4, 6), vec![frame(10, 6); 2], Some(&mut random)).unwrap();
            assert_eq!(frames[0], frames[1]);
            let rgb = &frames[0].rgb;
            let flipped = rgb[0] > rgb[3];
            flips += usize::from(flipped);
            places.insert((rgb[if flipped { 9 } else { 0 }], rgb[1]));
        }
        assert!((15..45).contains(&flips), "{flips}");
        assert_eq!(places.len(), 21, "7 columns by 3 rows: {places:?}");
    }

    #[test]
    fn clips_of_any_size_give_one_size() {
        for (width, height) in [(64, 64), (40, 90), (320, 240), (3, 5)] {
            let frames = cut(&treatment(16, 20), vec![frame(width, height)], None).unwrap();
            assert_eq!(frames[0].rgb.len(), 16 * 16 * 3);
        }
    }

    #[test]
    fn frames_that_do_not_fit_their_clip_are_an_error_that_names_it() {
        let error = |frames: Vec<Frame>| cut(&treatment(4, 6), frames, None).unwrap_err().to_string();
        let sizes = error(vec![frame(8, 8), frame(9, 8)]);
        assert!(sizes.contains("v_Bend_g01_c01: frames of (8, 8) and (9, 8)"), "{sizes}");
        let short = error(vec![Frame { rgb: vec![0; 5], ..frame(4, 6) }]);
        assert!(short.contains("v_Bend_g01_c01") && short.contains("5 values"), "{short}");
    }

    #[test]
    fn a_frame_too_narrow_to_be_scaled_is_an_error_that_names_the_clip() {
        for (width, height) in [(1, 1 << 20), (1, 1 << 21), (1 << 22, 1), (1, 17)] {
            let error =
                cut(&treatment(1024, 1024), vec![frame(width, height)], None).unwrap_err().to_string();
            assert!(error.contains("v_Bend_g01_c01") && error.contains("resize"), "{error}");
        }
        assert!(cut(&treatment(1024, 1024), vec![frame(1, 16)], None).is_ok());
    }
}
