//! Checks of the config keys of (x − mean) / std.

use plasticity_core::{Error, Result};

/// Checks a standard deviation. It must be above 0, and large enough that (x − mean) / std is a finite 32-bit
/// number for x from `low` to `high`.
///
/// # Errors
/// If it is not; the error names `key` and both numbers.
pub fn check(key: &str, mean: f64, std: f64, [low, high]: [f64; 2]) -> Result<()> {
    let finite = |x: f64| (((x - mean) / std) as f32).is_finite();
    if std > 0.0 && std.is_finite() && finite(low) && finite(high) {
        return Ok(());
    }
    let message = format!(
        "a standard deviation must be above 0, finite, and large enough that (x − mean) / std is finite for x from {low} \
         to {high}; got {std:e} with a mean of {mean:e}"
    );
    Err(Error::config(key, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_no_numbers_is_refused() {
        for (mean, std) in [(0.0, 1.0), (-5.0, 1e-30), (1.0, 1e30)] {
            check("std", mean, std, [-1.0, 1.0]).unwrap();
        }
        for (mean, std) in
            [(0.0, 0.0), (0.0, -1.0), (0.0, f64::NAN), (0.0, f64::INFINITY), (0.0, 1e-39), (1e30, 1e-9)]
        {
            let error = check("std", mean, std, [0.0, 1.0]).unwrap_err().to_string();
            assert!(error.starts_with("std: ") && error.contains("above 0"), "{error}");
        }
    }
}
