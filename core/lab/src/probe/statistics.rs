//! Dead features and effective dimension.

use super::in_f32::in_f32;
use super::labelled::Labelled;
use super::result::FeatureStatistics;
use crate::analysis::spread;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};

/// The largest number of rows for covariances; if there are more, rows spread over all are used.
const ROWS: usize = 4096;

/// Share of dead features and effective dimension, computed in f32.
///
/// The covariance and the Gram matrix of centred rows have the same norm, so the smaller of the two is computed.
///
/// # Errors
/// If the device has no memory.
pub(crate) fn statistics(of: Labelled, device: &Device) -> Result<FeatureStatistics> {
    let (all, channels) = (of.labels.len(), of.channels);
    if all == 0 || channels == 0 {
        return Ok(FeatureStatistics::default());
    }
    let alive = (0..channels).filter(|channel| (0..all).any(|row| of.row(row)[*channel] != 0.0)).count();
    let dead = 100.0 * (channels - alive) as f64 / channels as f64;
    let rows = all.min(ROWS);
    let places = spread(all, rows);
    let chosen = || places.iter().map(|&row| of.row(row));
    let mut means = vec![0.0f64; channels];
    chosen().for_each(|row| means.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value)));
    means.iter_mut().for_each(|mean| *mean /= rows as f64);
    let centred: Vec<f32> = chosen()
        .flat_map(|row| row.iter().zip(&means).map(|(value, mean)| (f64::from(*value) - mean) as f32))
        .collect();
    let trace: f64 = centred.iter().map(|value| f64::from(*value).powi(2)).sum();
    let side = rows.min(channels);
    let product = match channels <= rows {
        true => Product::new(channels, channels, rows).transpose_a(),
        false => Product::new(rows, rows, channels).transpose_b(),
    };
    let centred = Buffer::from_vec(device, centred)?;
    let mut covariance = Buffer::zeros(device, side * side)?;
    in_f32(device, || Ok(ops::product(product, &centred, &centred, &mut covariance)?))?;
    let square: f64 = covariance.to_vec()?.iter().map(|value| f64::from(*value).powi(2)).sum();
    Ok(FeatureStatistics { dead, dimension: if square > 0.0 { trace * trace / square } else { 0.0 } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn of(values: &[f32], channels: usize) -> FeatureStatistics {
        let labels = vec![0; values.len() / channels];
        statistics(Labelled { values, channels, labels: &labels }, &Device::open().unwrap()).unwrap()
    }

    #[test]
    fn directions_of_equal_variance_are_counted() {
        // Two directions of variance 1 each, one that does not vary, one that is dead.
        let found =
            of(&[1.0, 1.0, 5.0, 0.0, 1.0, -1.0, 5.0, 0.0, -1.0, 1.0, 5.0, 0.0, -1.0, -1.0, 5.0, 0.0], 4);
        assert_relative_eq!(found.dimension, 2.0, epsilon = 1e-6);
        assert_relative_eq!(found.dead, 25.0);
    }

    #[test]
    fn one_direction_is_one_whichever_matrix_is_smaller() {
        assert_relative_eq!(of(&[1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 2).dimension, 1.0, epsilon = 1e-6);
        assert_relative_eq!(of(&[1.0, 2.0, 3.0, 2.0, 4.0, 6.0], 3).dimension, 1.0, epsilon = 1e-6);
        assert_eq!(of(&[0.0; 6], 3), FeatureStatistics { dead: 100.0, dimension: 0.0 });
    }
}
