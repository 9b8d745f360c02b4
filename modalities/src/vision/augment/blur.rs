//! Gaussian blur.

use super::planes::Planes;

/// Blurs with a Gaussian of standard deviation `sigma`, in pixels. The Gaussian is cut to `kernel` positions,
/// an odd number of at most 2 · size − 1. At the borders the image is mirrored without its outermost pixel.
pub fn blur(image: &mut Planes, kernel: usize, sigma: f32) {
    let (size, reach) = (image.size, kernel / 2);
    let raw = |i: usize| (-0.5 * ((i as f32 - reach as f32) / sigma).powi(2)).exp();
    let sum: f32 = (0..kernel).map(raw).sum();
    let weights: Vec<f32> = (0..kernel).map(|i| raw(i) / sum).collect();
    let mirrored = |i: usize, tap: usize| {
        let at = (i + tap).abs_diff(reach);
        if at < size { at } else { 2 * (size - 1) - at }
    };
    let mut padded = vec![0.0; size + 2 * reach];
    let mut blurred = vec![0.0; size * size];
    for plane in &mut image.planes {
        for row in plane.chunks_exact_mut(size) {
            for (i, value) in padded.iter_mut().enumerate() {
                *value = row[mirrored(i, 0)];
            }
            row.fill(0.0);
            for (tap, weight) in weights.iter().enumerate() {
                row.iter_mut().zip(&padded[tap..]).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        blurred.fill(0.0);
        for (y, row) in blurred.chunks_exact_mut(size).enumerate() {
            for (tap, weight) in weights.iter().enumerate() {
                let from = mirrored(y, tap) * size;
                row.iter_mut().zip(&plane[from..from + size]).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        plane.copy_from_slice(&blurred);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn a_point_becomes_the_gaussian_and_the_plain_stays_plain() {
        let mut point = vec![0.0; 81];
        point[4 * 9 + 4] = 1.0;
        let mut image = Planes { size: 9, planes: [point, vec![0.5; 81], vec![0.0; 81]] };
        blur(&mut image, 5, 1.0);
        let [point, plain, _] = &image.planes;
        assert!(plain.iter().all(|x| (x - 0.5).abs() < 1e-6));
        assert_abs_diff_eq!(point.iter().sum::<f32>(), 1.0, epsilon = 1e-5);
        let at = |y: usize, x: usize| point[y * 9 + x];
        assert_abs_diff_eq!(at(4, 5) / at(4, 4), (-0.5_f32).exp(), epsilon = 1e-5);
        assert_abs_diff_eq!(at(6, 4) / at(4, 4), (-2.0_f32).exp(), epsilon = 1e-5);
        assert_eq!(at(4, 7), 0.0);
    }

    #[test]
    fn borders_are_mirrored() {
        // 0 1 2 3 with weights (w, 1 − 2w, w): the first value is (1 − 2w) · 0 + 2w · 1.
        let row: Vec<f32> = (0..16).map(|i| (i % 4) as f32).collect();
        let mut image = Planes { size: 4, planes: [row.clone(), row.clone(), row] };
        blur(&mut image, 3, 1.0);
        let w = (-0.5_f32).exp() / (1.0 + 2.0 * (-0.5_f32).exp());
        let expected = [2.0 * w, 1.0, 2.0, 3.0 - 2.0 * w];
        for (got, expected) in image.planes[0].iter().zip(expected.iter().cycle()) {
            assert_abs_diff_eq!(got, expected, epsilon = 1e-5);
        }
    }
}
