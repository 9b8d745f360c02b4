//! The angle between two updates.

/// The angle between two vectors in radians, exact also if they are nearly parallel (Kahan 2006: 2 ·
/// atan2 of the norms of the difference and the sum of the unit vectors). `None` if one of them is
/// zero or not finite.
pub fn between(a: &[f32], b: &[f32]) -> Option<f64> {
    let (length_a, length_b) = (norm(a.iter().map(|&a| f64::from(a))), norm(b.iter().map(|&b| f64::from(b))));
    if !(length_a > 0.0 && length_b > 0.0 && length_a.is_finite() && length_b.is_finite()) {
        return None;
    }
    let unit = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a) / length_a, f64::from(b) / length_b));
    let (apart, together) = (norm(unit().map(|(a, b)| a - b)), norm(unit().map(|(a, b)| a + b)));
    Some(2.0 * apart.atan2(together))
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn angles_are_known_at_the_quarters_and_near_zero() {
        let degrees = |a: &[f32], b: &[f32]| between(a, b).unwrap().to_degrees();
        assert_abs_diff_eq!(degrees(&[1.0, 0.0], &[0.0, 3.0]), 90.0, epsilon = 1e-9);
        assert_abs_diff_eq!(degrees(&[1.0, 1.0], &[2.0, 0.0]), 45.0, epsilon = 1e-9);
        assert_abs_diff_eq!(degrees(&[1.0, 2.0], &[-2.0, -4.0]), 180.0, epsilon = 1e-9);
        assert_eq!(degrees(&[1.0, 2.0], &[3.0, 6.0]), 0.0);
        assert_eq!(between(&[0.0, 0.0], &[1.0, 0.0]), None);
    }
}
