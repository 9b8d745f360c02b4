//! Colour jitter: brightness, contrast, saturation and hue, in random order.

use super::planes::{Planes, luma};
use plasticity_core::random::Random;
use rand::Rng;
use rand::seq::SliceRandom;

/// Multiplies by a factor.
pub fn brightness(image: &mut Planes, factor: f32) {
    image.map(|pixel| pixel.map(|x| (x * factor).clamp(0.0, 1.0)));
}

/// Stretches away from the mean luma of the image.
pub fn contrast(image: &mut Planes, factor: f32) {
    let mean = image.pixels().map(luma).sum::<f32>() / (image.size * image.size) as f32;
    image.map(|pixel| pixel.map(|x| (mean + factor * (x - mean)).clamp(0.0, 1.0)));
}

/// Stretches away from each pixel's luma.
pub fn saturation(image: &mut Planes, factor: f32) {
    image.map(|pixel| {
        let grey = luma(pixel);
        pixel.map(|x| (grey + factor * (x - grey)).clamp(0.0, 1.0))
    });
}

/// Turns the hue (of HSV) by a share of the whole circle.
pub fn hue(image: &mut Planes, turn: f32) {
    image.map(|[r, g, b]| {
        let (value, low) = (r.max(g).max(b), r.min(g).min(b));
        let chroma = value - low;
        if chroma <= 0.0 {
            return [r, g, b];
        }
        // Sixths of the circle.
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

/// All four, each by a random amount up to `strength`, in random order.
pub fn jitter(image: &mut Planes, strength: [f32; 4], random: &mut Random) {
    let mut factor = |strength: f32| random.random_range((1.0 - strength).max(0.0)..=1.0 + strength);
    let factors = [factor(strength[0]), factor(strength[1]), factor(strength[2])];
    let turn = random.random_range(-strength[3]..=strength[3]);
    let mut order = [0, 1, 2, 3];
    order.shuffle(random);
    for what in order {
        match what {
            0 => brightness(image, factors[0]),
            1 => contrast(image, factors[1]),
            2 => saturation(image, factors[2]),
            _ => hue(image, turn),
        }
    }
}

/// Takes the colour out.
pub fn grey(image: &mut Planes) {
    image.map(|pixel| [luma(pixel); 3]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(change: impl Fn(&mut Planes), [r, g, b]: [f32; 3]) -> [f32; 3] {
        let mut image = Planes { size: 1, planes: [vec![r], vec![g], vec![b]] };
        change(&mut image);
        image.pixels().next().unwrap()
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
        near(pixel(|i| brightness(i, 1.5), colour), [0.3, 0.6, 1.0]);
    }
}
