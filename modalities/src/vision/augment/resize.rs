//! Random resized crop.

use super::planes::Planes;
use crate::vision::Picture;
use plasticity_core::random::Random;
use rand::RngExt;

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

/// Draws a part of an image of `height` × `width` pixels. Its share of the area is uniform in `scale`. The
/// logarithm of width over height is uniform between the logarithms of `ratio`. If ten such parts do not fit,
/// the part is the largest central one whose ratio is in range.
pub fn draw(height: usize, width: usize, scale: [f32; 2], ratio: [f32; 2], random: &mut Random) -> Part {
    let area = (height * width) as f32;
    for _ in 0..10 {
        let target = area * random.random_range(scale[0]..=scale[1]);
        let aspect = random.random_range(ratio[0].ln()..=ratio[1].ln()).exp();
        let (w, h) = ((target * aspect).sqrt().round() as usize, (target / aspect).sqrt().round() as usize);
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let mut up_to = |room: usize| random.random_range(0..=room as u32) as usize;
            return Part { top: up_to(height - h), left: up_to(width - w), height: h, width: w };
        }
    }
    let aspect = (width as f32 / height as f32).clamp(ratio[0], ratio[1]);
    let w = ((height as f32 * aspect).round() as usize).clamp(1, width);
    let h = ((width as f32 / aspect).round() as usize).clamp(1, height);
    Part { top: (height - h) / 2, left: (width - w) / 2, height: h, width: w }
}

/// Which input positions give an output position: the first of them, and weights that sum to 1.
struct Taps {
    first: Vec<usize>,
    weights: Vec<f32>,
    count: usize,
}

impl Taps {
    /// A triangle filter from `input` to `output` positions. It is bilinear if the image grows. If the image
    /// shrinks, it is wide enough to use every input position. With `flip`, the order of positions is
    /// reversed.
    fn new(input: usize, output: usize, flip: bool) -> Self {
        let scale = input as f32 / output as f32;
        let support = scale.max(1.0);
        let count = (2 * support.ceil() as usize + 1).min(input);
        let (mut first, mut weights) = (Vec::with_capacity(output), Vec::with_capacity(output * count));
        for o in 0..output {
            let o = if flip { output - 1 - o } else { o };
            let centre = (o as f32 + 0.5) * scale;
            let start = ((centre - support).max(0.0) as usize).min(input - count);
            let at = weights.len();
            weights.extend(
                (start..start + count).map(|i| (1.0 - ((i as f32 + 0.5 - centre) / support).abs()).max(0.0)),
            );
            let sum: f32 = weights.iter().skip(at).sum();
            weights.iter_mut().skip(at).for_each(|weight| *weight /= sum);
            first.push(start);
        }
        Self { first, weights, count }
    }

    fn each(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.count))
    }
}

/// A part of a picture at `size` × `size` pixels, flipped left to right with `flip`.
pub fn resize(picture: &Picture, part: Part, size: usize, flip: bool) -> Planes {
    let (across, down) = (Taps::new(part.width, size, flip), Taps::new(part.height, size, false));
    // Rows are resized first. The result has shape `[channel][y of the part, x of the output]`.
    let mut narrow: [Vec<f32>; 3] = std::array::from_fn(|_| Vec::with_capacity(part.height * size));
    for y in part.top..part.top + part.height {
        let row = picture.row(y, part.left, part.width);
        for (first, weights) in across.each() {
            let mut sum = [0.0; 3];
            for (pixel, weight) in row.iter().skip(first).zip(weights) {
                sum.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += weight * f32::from(x));
            }
            narrow.iter_mut().zip(sum).for_each(|(plane, sum)| plane.push(sum / 255.0));
        }
    }
    let planes = narrow.map(|narrow| {
        let mut plane = vec![0.0; size * size];
        for (row, (first, weights)) in plane.chunks_exact_mut(size).zip(down.each()) {
            for (input, weight) in narrow.chunks_exact(size).skip(first).zip(weights) {
                row.iter_mut().zip(input).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        plane
    });
    Planes { size, planes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::colour::Pixels as _;
    use crate::vision::testing;
    use approx::assert_abs_diff_eq;
    use plasticity_core::random::stream;

    const WHOLE: Part = Part { top: 0, left: 0, height: 12, width: 12 };

    #[test]
    fn the_same_size_is_the_identity_and_a_flip_is_a_flip() {
        let picture = testing::gradient(12, 12);
        for flip in [false, true] {
            let planes = resize(&picture, WHOLE, 12, flip);
            for (i, pixel) in planes.pixels().enumerate() {
                let x = if flip { 11 - i % 12 } else { i % 12 };
                let expected = picture.row(i / 12, x, 1)[0].map(|x| f32::from(x) / 255.0);
                assert!(pixel.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{i}");
            }
        }
    }

    #[test]
    fn a_slope_stays_a_slope_whether_the_image_grows_or_shrinks() {
        // Green is 5 x, so at position p of the output it has the value of position p · 12 / size of the
        // input.
        let picture = testing::gradient(12, 12);
        for size in [6, 30] {
            let planes = resize(&picture, WHOLE, size, false);
            for x in size / 4..3 * size / 4 {
                let expected = 5.0 * ((x as f32 + 0.5) * 12.0 / size as f32 - 0.5) / 255.0;
                let got = planes.planes[1][size / 2 * size + x];
                assert_abs_diff_eq!(got, expected, epsilon = 1e-5);
            }
        }
    }

    #[test]
    fn parts_are_of_the_scales_and_ratios_asked_for() {
        let mut random = stream(1, &[]);
        for _ in 0..2000 {
            let part = draw(64, 96, [0.08, 1.0], [0.75, 4.0 / 3.0], &mut random);
            assert!(part.top + part.height <= 64 && part.left + part.width <= 96);
            let aspect = part.width as f32 / part.height as f32;
            assert!((0.7..1.43).contains(&aspect), "{part:?}");
            assert!((part.width * part.height) as f32 > 0.07 * 64.0 * 96.0, "{part:?}");
        }
        // A square always fits a square, so its share of the area is uniform.
        let share = |_| {
            let part = draw(96, 96, [0.08, 1.0], [1.0, 1.0], &mut random);
            (part.width * part.height) as f32 / (96.0 * 96.0)
        };
        let shares: Vec<f32> = (0..2000).map(share).collect();
        let mean = shares.iter().sum::<f32>() / 2000.0;
        let low = shares.iter().filter(|&&share| share < 0.31).count();
        assert!((0.52..0.56).contains(&mean) && (440..560).contains(&low), "{mean} {low}");
        // No part fits so narrow an image, so the result is the central square.
        let part = draw(2, 100, [1.0, 1.0], [1.0, 1.0], &mut random);
        assert_eq!(part, Part { top: 0, left: 49, height: 2, width: 2 });
    }
}
