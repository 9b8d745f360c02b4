//! How many weights a layer may have, and their initial values.

use plasticity_core::random::{Random, normal, uniform};
use plasticity_core::{Error, Result};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The distribution of initial weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initial {
    /// Uniform in ±1/√(fan-in), as in PyTorch.
    #[default]
    Uniform,
    /// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot & Bengio 2010).
    Xavier,
    /// From N(0, (gain/√(fan-in))²).
    Normal(f32),
}

impl Initial {
    /// `count` new weights. A neuron has `fan_in` inputs; an input reaches `fan_out` neurons.
    ///
    /// # Errors
    /// If the gain is out of range.
    pub(crate) fn draw(
        self,
        random: &mut Random,
        count: usize,
        fan_in: usize,
        fan_out: usize,
    ) -> Result<Vec<f32>> {
        match self {
            Self::Uniform => Ok(uniform(random, count, fan_in)),
            Self::Xavier => {
                let bound = (6.0 / (fan_in + fan_out).max(1) as f32).sqrt();
                Ok((0..count).map(|_| random.random_range(-bound..=bound)).collect())
            }
            Self::Normal(gain) if gain > 0.0 && gain.is_finite() => {
                let scale = gain / (fan_in.max(1) as f32).sqrt();
                Ok((0..count).map(|_| scale * normal(random) as f32).collect())
            }
            Self::Normal(gain) => Err(Error::config("initial.normal", format!("{gain} is not in (0, ∞)"))),
        }
    }
}

/// The largest number of weights of one matrix: CUDA kernels count them in 31 bits.
const MOST: usize = i32::MAX as usize;

/// Checks that a matrix of these sizes is possible. Call it before weights are drawn.
///
/// # Errors
/// If there would be more than 2³¹ − 1.
pub(crate) fn check(layer: &str, sizes: &[usize]) -> Result<()> {
    let count = sizes.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
    if count.is_some_and(|count| count <= MOST) {
        return Ok(());
    }
    let sizes: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    let message = format!(
        "too many weights: {} is more than {MOST}; use fewer neurons, smaller kernels or smaller maps",
        sizes.join(" × ")
    );
    Err(Error::shape(layer, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_weights_have_their_spread() {
        let mut random = plasticity_core::random::stream(1, &[]);
        let weights = Initial::Normal(25.0).draw(&mut random, 100_000, 100, 1).unwrap();
        let mean = weights.iter().sum::<f32>() / 1e5;
        let spread = (weights.iter().map(|w| w * w).sum::<f32>() / 1e5).sqrt();
        // 100,000 draws of N(0, 2.5²): the mean has a standard deviation of 0.008, the spread one of 0.006.
        assert!(mean.abs() < 0.04 && (spread - 2.5).abs() < 0.03, "{mean} {spread}");
        assert!(Initial::Normal(0.0).draw(&mut random, 1, 1, 1).is_err());
        let weights = Initial::Xavier.draw(&mut random, 10_000, 20, 4).unwrap();
        let most = weights.iter().fold(0.0f32, |most, w| most.max(w.abs()));
        assert!((0.499..=0.5).contains(&most), "√(6 / 24) bounds them: {most}");
    }

    #[test]
    fn as_many_weights_as_can_be_counted() {
        check("t", &[1 << 15, (1 << 16) - 1]).unwrap();
        for sizes in [&[1 << 15, 1 << 16][..], &[usize::MAX, 2]] {
            let error = check("t", sizes).unwrap_err().to_string();
            assert!(error.starts_with("t: too many weights"), "{error}");
        }
    }
}
