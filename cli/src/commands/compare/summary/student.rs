//! Intervals of means by Student's t.

/// The 97.5 % points of Student's t for 1 to 30 degrees of freedom.
const POINTS: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/// The same for more degrees of freedom: their least number and the point.
const MORE: [(usize, f64); 4] = [(120, 1.980), (60, 2.000), (40, 2.021), (31, 2.042)];

/// Half the width of the 95 % interval of a mean of `n` values with the standard deviation `std` (n −
/// 1 in the denominator). Above 30 degrees of freedom, the next lower number of the table is used,
/// which gives a wider interval.
pub(super) fn half_interval(std: f64, n: usize) -> Option<f64> {
    let freedom = n.checked_sub(1).filter(|freedom| *freedom > 0)?;
    let tabled = || MORE.iter().find(|(least, _)| freedom >= *least).map(|(_, point)| *point);
    let point = POINTS.get(freedom - 1).copied().or_else(tabled)?;
    Some(point * std / (n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability that |t| is below `point`, by Simpson's rule on Student's density, (1 + t²/ν)
    /// to the power of −(ν + 1)/2. The constant follows from the total.
    fn within(point: f64, freedom: f64) -> f64 {
        let density = |t: f64| (1.0 + t * t / freedom).powf(-(freedom + 1.0) / 2.0);
        // t = tan θ, so that the whole line is an interval.
        let under = |angle: f64| density(angle.tan()) / angle.cos().powi(2);
        let simpson = |to: f64| {
            let n = 20_000;
            let h = to / f64::from(n);
            let weight = |i: i32| {
                if i == 0 || i == n {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                }
            };
            (0..=n).map(|i| weight(i) * under(f64::from(i) * h)).sum::<f64>() * h / 3.0
        };
        simpson(point.atan()) / simpson(std::f64::consts::FRAC_PI_2 - 1e-9)
    }

    #[test]
    fn the_points_leave_one_in_twenty_outside() {
        for n in [2, 3, 4, 5, 8, 13, 21, 31, 32, 41, 61, 121] {
            let point = half_interval(1.0, n).unwrap() * (n as f64).sqrt();
            let inside = within(point, (n - 1) as f64);
            assert!((inside - 0.95).abs() < 3e-4, "{n}: {inside}");
        }
        let wide = half_interval(1.0, 100).unwrap() * 10.0;
        assert!(within(wide, 99.0) > 0.95);
        assert_eq!(half_interval(0.0, 1), None);
    }
}
