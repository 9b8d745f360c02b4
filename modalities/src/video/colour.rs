//! Grey and colour jitter of single frames, values in [0, 1].

use plasticity_core::random::Random;
use rand::Rng;
use rand::seq::SliceRandom;

/// Luminance (ITU-R BT.601) of an RGB pixel.
pub fn luminance(pixel: &[f32]) -> f32 {
    0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

/// Replaces every RGB pixel by its luminance in all three channels.
pub fn grey(pixels: &mut [f32]) {
    for pixel in pixels.chunks_exact_mut(3) {
        let value = luminance(pixel);
        pixel.fill(value);
    }
}

/// How far brightness, contrast, saturation (factors in [1 − v, 1 + v]) and hue (turns in [−v, v]) move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(pub [f32; 4]);

impl Jitter {
    /// Draws factors and the order of the four changes, and applies them to one frame `[pixel, 3]`.
    pub fn apply(&self, pixels: &mut [f32], random: &mut Random) {
        let mut order = [0, 1, 2, 3];
        order.shuffle(random);
        for which in order {
            let amount = self.0[which];
            if amount == 0.0 {
                continue;
            }
            let draw = random.random_range(-amount..=amount);
            let factor = (1.0 + draw).max(0.0);
            match which {
                0 => blend(pixels, factor, |_| 0.0),
                1 => {
                    let sum: f64 = pixels.chunks_exact(3).map(|pixel| f64::from(luminance(pixel))).sum();
                    let mean = (sum / (pixels.len() / 3).max(1) as f64) as f32;
                    blend(pixels, factor, |_| mean);
                }
                2 => blend(pixels, factor, luminance),
                _ => pixels.chunks_exact_mut(3).for_each(|pixel| turn_hue(pixel, draw)),
            }
        }
    }
}

/// pixel ← factor · pixel + (1 − factor) · base(pixel), kept in [0, 1].
fn blend(pixels: &mut [f32], factor: f32, base: impl Fn(&[f32]) -> f32) {
    for pixel in pixels.chunks_exact_mut(3) {
        let base = base(pixel);
        for value in pixel {
            *value = (factor * *value + (1.0 - factor) * base).clamp(0.0, 1.0);
        }
    }
}

/// Turns the hue of an RGB pixel by `turns` of the colour circle; value and saturation (HSV) stay.
fn turn_hue(pixel: &mut [f32], turns: f32) {
    let (r, g, b) = (pixel[0], pixel[1], pixel[2]);
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = high - low;
    if chroma <= 0.0 {
        return;
    }
    let sixth = if high == r {
        (g - b) / chroma
    } else if high == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (sixth + 6.0 * turns).rem_euclid(6.0);
    let channel = |offset: f32| {
        let place = (offset + hue).rem_euclid(6.0);
        high - chroma * place.min(4.0 - place).clamp(0.0, 1.0)
    };
    pixel[0] = channel(5.0);
    pixel[1] = channel(3.0);
    pixel[2] = channel(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use plasticity_core::random::stream;

    #[test]
    fn a_third_of_a_turn_takes_red_to_green_and_a_whole_turn_changes_nothing() {
        let mut pixel = [0.9, 0.1, 0.1];
        turn_hue(&mut pixel, 1.0 / 3.0);
        for (value, expected) in pixel.iter().zip([0.1, 0.9, 0.1]) {
            assert_relative_eq!(*value, expected, epsilon = 1e-6);
        }
        let mut pixel = [0.2, 0.7, 0.4];
        turn_hue(&mut pixel, 1.0);
        for (value, expected) in pixel.iter().zip([0.2, 0.7, 0.4]) {
            assert_relative_eq!(*value, expected, epsilon = 1e-5);
        }
    }

    #[test]
    fn jitter_changes_colours_and_stays_in_range_and_none_changes_nothing() {
        let original: Vec<f32> = (0..300).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
        let mut random = stream(3, &[1]);
        let mut pixels = original.clone();
        Jitter([0.5, 0.5, 0.5, 0.25]).apply(&mut pixels, &mut random);
        assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)));
        assert_ne!(pixels, original);
        let mut pixels = original.clone();
        Jitter([0.0; 4]).apply(&mut pixels, &mut random);
        assert_eq!(pixels, original);
        grey(&mut pixels);
        assert!(pixels.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    }
}
