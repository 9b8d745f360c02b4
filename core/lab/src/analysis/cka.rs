//! Linear centred kernel alignment: how similar two layers represent stimuli, independent of single neurons.

use super::spread;
use crate::probe::{Labelled, in_f32};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};
use plasticity_core::{Error, Result};

/// The largest number of compared rows; if there are more, rows spread over all are compared.
const ROWS: usize = 1024;

/// The Gram matrix K = X Xᵀ of centred features X `[row, channel]`, `[n, n]`, computed in f32.
pub struct Gram {
    values: Vec<f32>,
    norm: f64,
}

impl Gram {
    /// The Gram matrix of a layer's features; of more than 1,024 rows, 1,024 that are spread over them are used.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn of(features: Labelled, device: &Device) -> Result<Self> {
        let (all, channels) = (features.labels.len(), features.channels);
        let rows = spread(all, ROWS);
        let n = rows.len();
        let row = |index: usize| {
            let start = rows[index] * channels;
            features.values.get(start..start + channels).unwrap_or_default()
        };
        let mut means = vec![0.0f64; channels];
        for index in 0..n {
            means.iter_mut().zip(row(index)).for_each(|(mean, value)| *mean += f64::from(*value) / n as f64);
        }
        let centred: Vec<f32> = (0..n)
            .flat_map(|index| {
                row(index).iter().zip(&means).map(|(value, mean)| (f64::from(*value) - mean) as f32)
            })
            .collect();
        let centred = Buffer::from_vec(device, centred)?;
        let mut gram = Buffer::zeros(device, n * n)?;
        if n > 0 && channels > 0 {
            let product = Product::new(n, n, channels).transpose_b();
            in_f32(device, || Ok(ops::product(product, &centred, &centred, &mut gram)?))?;
        }
        let values = gram.to_vec()?;
        let norm = dot(&values, &values).sqrt();
        Ok(Self { values, norm })
    }

    /// Linear CKA = ⟨K, L⟩ / (‖K‖ ‖L‖) = ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖), from 0 to 1: 1 if one layer's features are
    /// a rotation and scaling of the other's. `None` if one of them does not vary.
    ///
    /// Source: Kornblith, Norouzi, Lee & Hinton 2019, Equation 5 with linear kernels.
    ///
    /// # Errors
    /// If the numbers of stimuli differ.
    pub fn cka(&self, other: &Self) -> Result<Option<f64>> {
        if self.values.len() != other.values.len() {
            let rows = |gram: &Self| gram.values.len().isqrt();
            let message =
                format!("features of {} and of {} stimuli cannot be compared", rows(self), rows(other));
            return Err(Error::shape("CKA", message));
        }
        let norms = self.norm * other.norm;
        Ok((norms > 0.0).then(|| dot(&self.values, &other.values) / norms))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn gram(values: &[f32], channels: usize) -> Gram {
        let labels = vec![0; values.len() / channels];
        Gram::of(Labelled { values, channels, labels: &labels }, &Device::open().unwrap()).unwrap()
    }

    /// An independent computation: the formula with covariances, in float64.
    fn by_covariances(x: &[f32], p: usize, y: &[f32], q: usize) -> f64 {
        let n = x.len() / p;
        let centred = |v: &[f32], c: usize| -> Vec<f64> {
            let mean = |j: usize| (0..n).map(|i| f64::from(v[i * c + j])).sum::<f64>() / n as f64;
            (0..n * c).map(|at| f64::from(v[at]) - mean(at % c)).collect()
        };
        let (x, y) = (centred(x, p), centred(y, q));
        let square = |a: &[f64], c: usize, b: &[f64], d: usize| -> f64 {
            let one = |j: usize, k: usize| (0..n).map(|i| a[i * c + j] * b[i * d + k]).sum::<f64>();
            (0..c).flat_map(|j| (0..d).map(move |k| (j, k))).map(|(j, k)| one(j, k).powi(2)).sum()
        };
        square(&y, q, &x, p) / (square(&x, p, &x, p) * square(&y, q, &y, q)).sqrt()
    }

    #[test]
    fn it_is_the_formula_of_covariances() {
        let x: Vec<f32> = (0..15).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        let y: Vec<f32> = (0..10).map(|i| (i as f32 * 1.3).cos() + 0.1 * i as f32).collect();
        let found = gram(&x, 3).cka(&gram(&y, 2)).unwrap().unwrap();
        assert_relative_eq!(found, by_covariances(&x, 3, &y, 2), epsilon = 1e-5);
    }

    #[test]
    fn rotated_and_scaled_features_are_the_same_and_constant_ones_are_compared_with_nothing() {
        let x = [1.0, 0.0, 0.0, 1.0, -1.0, 2.0, 3.0, 1.0];
        let rotated: Vec<f32> = x.chunks(2).flat_map(|v| [-2.0 * v[1] + 5.0, 2.0 * v[0]]).collect();
        assert_relative_eq!(gram(&x, 2).cka(&gram(&rotated, 2)).unwrap().unwrap(), 1.0, epsilon = 1e-6);
        assert_eq!(gram(&x, 2).cka(&gram(&[7.0; 4], 1)).unwrap(), None);
        assert!(gram(&x, 2).cka(&gram(&[1.0, 2.0], 1)).is_err());
    }
}
