//! Batch normalisation of features before a linear classifier.

use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::parameter::Parameter;

/// Added to variances, as in PyTorch.
const EPSILON: f32 = 1e-5;
/// The weight of a step in running statistics, as in PyTorch.
const MOMENTUM: f32 = 0.1;

/// y = γ x̂ + β, x̂ = (x − mean) / √(variance + ε) in every channel (Ioffe & Szegedy 2015): in
/// learning with the statistics of a step's rows, in testing with running statistics.
pub(super) struct Norm {
    /// γ `[channels]`.
    pub gain: Parameter,
    /// β `[channels]`.
    pub shift: Parameter,
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Norm {
    /// γ = 1, β = 0.
    pub fn new(channels: usize, device: &Device) -> Result<Self> {
        let plain = |name, value| Parameter::plain(device, name, &[channels], &vec![value; channels]);
        let (gain, shift) = (plain("gain", 1.0)?, plain("shift", 0.0)?);
        Ok(Self { gain, shift, mean: vec![0.0; channels], variance: vec![1.0; channels] })
    }

    /// x̂ of the rows of a step. Also updates the running statistics.
    pub fn of_step(&mut self, values: &[f32]) -> Vec<f32> {
        let channels = self.mean.len();
        let rows = (values.len() / channels) as f64;
        let mut sums = vec![[0.0f64; 2]; channels];
        for row in values.chunks_exact(channels) {
            for ([sum, square], value) in sums.iter_mut().zip(row) {
                *sum += f64::from(*value);
                *square += f64::from(*value) * f64::from(*value);
            }
        }
        let statistics: Vec<[f32; 2]> = sums
            .into_iter()
            .map(|[sum, square]| {
                let mean = sum / rows;
                [mean as f32, (square / rows - mean * mean).max(0.0) as f32]
            })
            .collect();
        let unbiased = (rows / (rows - 1.0).max(1.0)) as f32;
        for (channel, [mean, variance]) in statistics.iter().enumerate() {
            self.mean[channel] += MOMENTUM * (mean - self.mean[channel]);
            self.variance[channel] += MOMENTUM * (unbiased * variance - self.variance[channel]);
        }
        centred(values, &statistics)
    }

    /// γ x̂ + β.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub fn scaled(&self, mut centred: Vec<f32>) -> Result<Vec<f32>> {
        let (gain, shift) = (self.gain.get()?, self.shift.get()?);
        for row in centred.chunks_exact_mut(gain.len()) {
            let each = row.iter_mut().zip(&gain).zip(&shift);
            each.for_each(|((value, gain), shift)| *value = gain * *value + shift);
        }
        Ok(centred)
    }

    /// Test rows in the form that the classifier uses.
    ///
    /// # Errors
    /// As [`scaled`](Self::scaled).
    pub fn of_test(&self, values: &[f32]) -> Result<Vec<f32>> {
        let statistics: Vec<[f32; 2]> = self.mean.iter().zip(&self.variance).map(|(m, v)| [*m, *v]).collect();
        self.scaled(centred(values, &statistics))
    }

    /// γ, β and running statistics.
    ///
    /// # Errors
    /// As [`scaled`](Self::scaled).
    pub fn state(&self) -> Result<[Vec<f32>; 4]> {
        Ok([self.gain.get()?, self.shift.get()?, self.mean.clone(), self.variance.clone()])
    }

    /// Restores the values that [`state`](Self::state) returned.
    ///
    /// # Errors
    /// If a copy to the device fails.
    pub fn put_back(&mut self, [gain, shift, mean, variance]: &[Vec<f32>; 4]) -> Result<()> {
        self.gain.set(gain)?;
        self.shift.set(shift)?;
        (self.mean, self.variance) = (mean.clone(), variance.clone());
        Ok(())
    }
}

/// (x − mean) / √(variance + ε).
fn centred(values: &[f32], statistics: &[[f32; 2]]) -> Vec<f32> {
    let scales: Vec<[f32; 2]> =
        statistics.iter().map(|[mean, v]| [*mean, 1.0 / (v + EPSILON).sqrt()]).collect();
    let rows = values.chunks_exact(scales.len().max(1));
    rows.flat_map(|row| row.iter().zip(&scales).map(|(value, [mean, scale])| (value - mean) * scale))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// The values of PyTorch's BatchNorm1d by its closed form: biased variance in the step, unbiased in the running one.
    #[test]
    fn a_step_has_its_own_statistics_and_testing_those_that_followed() {
        let mut norm = Norm::new(2, &Device::open().unwrap()).unwrap();
        let made = norm.of_step(&[1.0, 5.0, 3.0, 5.0]);
        let one = 1.0 / (1.0f32 + 1e-5).sqrt();
        assert_eq!(made, [-one, 0.0, one, 0.0]);
        let [_, _, mean, variance] = norm.state().unwrap();
        assert_relative_eq!(mean[..], [0.2, 0.5]);
        assert_relative_eq!(variance[..], [0.9 + 0.1 * 2.0, 0.9]);
        norm.gain.set(&[2.0, 1.0]).unwrap();
        norm.shift.set(&[0.0, 3.0]).unwrap();
        let tested = norm.of_test(&[0.2, 0.5]).unwrap();
        assert_relative_eq!(tested[..], [0.0, 3.0], epsilon = 1e-6);
    }
}
