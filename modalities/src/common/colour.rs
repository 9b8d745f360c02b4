//! Colour jitter (brightness, contrast, saturation and hue) and grey. Pixels are red, green and blue,
//! in [0, 1].

use plasticity_core::random::Random;
use rand::RngExt;
use rand::seq::SliceRandom;

/// The pixels of an image, in any memory layout.
pub trait Pixels {
    /// Changes every pixel.
    fn map(&mut self, change: impl Fn([f32; 3]) -> [f32; 3]);

    /// All pixels, row by row.
    fn pixels(&self) -> impl Iterator<Item = [f32; 3]>;
}

/// The layout `[pixel, channel]`.
impl Pixels for [f32] {
    fn map(&mut self, change: impl Fn([f32; 3]) -> [f32; 3]) {
        self.as_chunks_mut().0.iter_mut().for_each(|pixel| *pixel = change(*pixel));
    }

    fn pixels(&self) -> impl Iterator<Item = [f32; 3]> {
        self.as_chunks().0.iter().copied()
    }
}

/// The luma of ITU-R BT.601.
pub fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Replaces each pixel by its luma.
pub fn grey(image: &mut (impl Pixels + ?Sized)) {
    image.map(|pixel| [luma(pixel); 3]);
}

/// Copies one channel to all three. The code of Han, Xie & Zisserman 2019 calls this grey.
pub fn split(image: &mut (impl Pixels + ?Sized), channel: usize) {
    image.map(|pixel| [pixel[channel]; 3]);
}

/// Changes brightness, contrast, saturation and hue in random order, each by a random amount. `strength` has
/// the largest amount of each. The factors of the first three are from 1 − strength (at least 0) to 1 +
/// strength. The hue turns by up to ± strength of the circle.
pub fn jitter(image: &mut (impl Pixels + ?Sized), strength: [f32; 4], random: &mut Random) {
    let mut factor = |strength: f32| random.random_range((1.0 - strength).max(0.0)..=1.0 + strength);
    let factors = [factor(strength[0]), factor(strength[1]), factor(strength[2])];
    let turn = random.random_range(-strength[3]..=strength[3]);
    let mut order = [0, 1, 2, 3];
    order.shuffle(random);
    for what in order.into_iter().filter(|&what| strength[what] > 0.0) {
        match what {
            0 => brightness(image, factors[0]),
            1 => contrast(image, factors[1]),
            2 => saturation(image, factors[2]),
            _ => hue(image, turn),
        }
    }
}

/// Multiplies by `factor`.
fn brightness(image: &mut (impl Pixels + ?Sized), factor: f32) {
    image.map(|pixel| pixel.map(|x| (x * factor).clamp(0.0, 1.0)));
}

/// Scales the difference from the mean luma of the image by `factor`.
fn contrast(image: &mut (impl Pixels + ?Sized), factor: f32) {
    let (sum, count) =
        image.pixels().fold((0.0, 0.0), |(sum, count), pixel| (sum + f64::from(luma(pixel)), count + 1.0));
    let mean = (sum / count) as f32;
    image.map(|pixel| pixel.map(|x| (mean + factor * (x - mean)).clamp(0.0, 1.0)));
}

/// Scales the difference from each pixel's luma by `factor`.
fn saturation(image: &mut (impl Pixels + ?Sized), factor: f32) {
    image.map(|pixel| {
        let grey = luma(pixel);
        pixel.map(|x| (grey + factor * (x - grey)).clamp(0.0, 1.0))
    });
}

/// Turns the hue (of HSV) by a share of the circle.
fn hue(image: &mut (impl Pixels + ?Sized), turn: f32) {
    image.map(|[r, g, b]| {
        let (value, low) = (r.max(g).max(b), r.min(g).min(b));
        let chroma = value - low;
        if chroma <= 0.0 {
            return [r, g, b];
        }
        // The hue in sixths of the circle.
        let hue = if value == r {
            (g - b) / chroma
        } else if value == g {
            2.0 + (b - r) / chroma
        } else {
            4.0 + (r - g) / chroma
        };
        let hue = (hue + 6.0 * turn).rem_euclid(6.0);
        // A channel at distance d from its own hue has value − chroma · clamp(d − 1, 0, 1).
        let channel = |own: f32| {
            let distance = (hue - own).abs();
            value - chroma * (distance.min(6.0 - distance) - 1.0).clamp(0.0, 1.0)
        };
        [channel(0.0), channel(2.0), channel(4.0)]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use plasticity_core::random::stream;

    fn pixel(change: impl Fn(&mut [f32]), mut pixel: [f32; 3]) -> [f32; 3] {
        change(&mut pixel);
        pixel
    }

    fn near(a: [f32; 3], b: [f32; 3]) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
    }

    #[test]
    fn hue_turns_around_the_circle() {
        near(pixel(|i| hue(i, 1.0 / 3.0), [0.9, 0.1, 0.1]), [0.1, 0.9, 0.1]);
        near(pixel(|i| hue(i, -1.0 / 3.0), [0.9, 0.1, 0.1]), [0.1, 0.1, 0.9]);
        near(pixel(|i| hue(i, 0.5), [1.0, 0.0, 0.0]), [0.0, 1.0, 1.0]);
        near(pixel(|i| hue(i, 1.0 / 6.0), [0.2, 0.8, 0.5]), [0.2, 0.5, 0.8]);
        for turn in [0.0, 1.0, -1.0] {
            near(pixel(|i| hue(i, turn), [0.3, 0.7, 0.45]), [0.3, 0.7, 0.45]);
        }
    }

    #[test]
    fn factors_of_one_change_nothing_and_of_zero_take_all_away() {
        let colour = [0.2, 0.4, 0.9];
        for change in [brightness, contrast, saturation] {
            near(pixel(|i| change(i, 1.0), colour), colour);
        }
        near(pixel(|i| brightness(i, 0.0), colour), [0.0; 3]);
        near(pixel(|i| saturation(i, 0.0), colour), [luma(colour); 3]);
        near(pixel(|i| contrast(i, 0.0), colour), [luma(colour); 3]);
        near(pixel(grey, colour), [luma(colour); 3]);
        near(pixel(|i| split(i, 1), colour), [0.4; 3]);
        near(pixel(|i| brightness(i, 1.5), colour), [0.3, 0.6, 1.0]);
    }

    #[test]
    fn contrast_is_measured_over_the_whole_image() {
        let mut image = [0.2, 0.2, 0.2, 0.6, 0.6, 0.6];
        contrast(&mut image[..], 0.5);
        for (value, expected) in image.into_iter().zip([0.3, 0.3, 0.3, 0.5, 0.5, 0.5]) {
            assert_abs_diff_eq!(value, expected, epsilon = 1e-6);
        }
    }

    #[test]
    fn jitter_stays_in_range_and_none_changes_nothing() {
        let original: Vec<f32> = (0..300).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
        let mut random = stream(3, &[1]);
        let mut pixels = original.clone();
        jitter(pixels.as_mut_slice(), [0.5, 0.5, 0.5, 0.25], &mut random);
        assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)));
        assert_ne!(pixels, original);
        let mut pixels = original.clone();
        jitter(pixels.as_mut_slice(), [0.0; 4], &mut random);
        assert_eq!(pixels, original);
    }
}
