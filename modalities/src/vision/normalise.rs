//! Normalisation: (x − mean) / std with x in [0, 1].

use super::augment::Planes;
use super::picture::luma;
use crate::common::colour::{self, Pixels as _};
use crate::common::standardise;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The mean and standard deviation of STL-10 in grey (Illing et al. 2021).
const GREY: ([f32; 1], [f32; 1]) = ([0.4120], [0.2570]);
/// The means and standard deviations of STL-10 in red, green and blue, from the settings published with Löwe
/// et al. 2019.
const COLOUR: ([f32; 3], [f32; 3]) = ([0.4313, 0.4156, 0.3663], [0.2683, 0.2610, 0.2687]);

/// One number for all channels, or a number for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list with a number for each channel")]
pub enum PerChannel {
    /// The same number for all channels.
    All(f32),
    /// A number for each channel.
    Each(Vec<f32>),
}

impl PerChannel {
    fn resolve(&self, key: &str, channels: usize) -> Result<Vec<f32>> {
        let values = match self {
            Self::All(value) => vec![*value; channels],
            Self::Each(values) => values.clone(),
        };
        if values.len() != channels || values.iter().any(|value| !value.is_finite()) {
            let message =
                format!("expected a number, or {channels} numbers (one for each channel), got {values:?}");
            return Err(Error::config(key, message));
        }
        Ok(values)
    }
}

/// The normalisation of each channel, with a table of the normalised value of each of the 256 pixel values.
#[derive(Debug)]
pub struct Normalise {
    mean: Vec<f32>,
    std: Vec<f32>,
    tables: Vec<[f32; 256]>,
}

impl Normalise {
    /// The normalisation of grey (one channel) or colour (three channels). STL-10's statistics are used if
    /// `mean` or `std` is not given.
    ///
    /// # Errors
    /// If the number of values is not the number of channels, or if a standard deviation is not above 0 or is
    /// too small.
    pub fn new(grey: bool, mean: Option<&PerChannel>, std: Option<&PerChannel>) -> Result<Self> {
        let (default_mean, default_std) =
            if grey { (GREY.0.to_vec(), GREY.1.to_vec()) } else { (COLOUR.0.to_vec(), COLOUR.1.to_vec()) };
        let channels = default_mean.len();
        let mean = mean.map_or(Ok(default_mean), |m| m.resolve("mean", channels))?;
        let std = std.map_or(Ok(default_std), |s| s.resolve("std", channels))?;
        for (&mean, &std) in mean.iter().zip(&std) {
            standardise::check("std", mean.into(), std.into(), [0.0, 1.0])?;
        }
        let table = |(mean, std): (&f32, &f32)| std::array::from_fn(|x| (x as f32 / 255.0 - mean) / std);
        let tables = mean.iter().zip(&std).map(table).collect();
        Ok(Self { mean, std, tables })
    }

    /// The number of output channels.
    pub fn channels(&self) -> usize {
        self.tables.len()
    }

    /// Appends the normalised values of a pixel: its luma, or its three channels.
    pub fn push(&self, pixel: [u8; 3], values: &mut Vec<f32>) {
        match self.tables.as_slice() {
            [grey] => values.push(grey[usize::from(luma(pixel))]),
            tables => values.extend(tables.iter().zip(pixel).map(|(table, x)| table[usize::from(x)])),
        }
    }

    /// Appends the normalised values of a view, as [`push`](Self::push) does for a pixel.
    pub fn extend(&self, view: &Planes, values: &mut Vec<f32>) {
        match (self.mean.as_slice(), self.std.as_slice()) {
            (&[mean], &[std]) => {
                values.extend(view.pixels().map(|pixel| (colour::luma(pixel) - mean) / std));
            }
            (&[m0, m1, m2], &[s0, s1, s2]) => {
                let normalised = |[r, g, b]: [f32; 3]| [(r - m0) / s0, (g - m1) / s1, (b - m2) / s2];
                values.extend(view.pixels().flat_map(normalised));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn grey_takes_the_papers_statistics_and_colour_its_own() {
        let mut values = Vec::new();
        Normalise::new(true, None, None).unwrap().push([255, 255, 255], &mut values);
        assert_abs_diff_eq!(values[0], (1.0 - 0.4120) / 0.2570, epsilon = 1e-6);
        values.clear();
        Normalise::new(false, None, Some(&PerChannel::All(0.5))).unwrap().push([0, 255, 51], &mut values);
        for (value, expected) in values.iter().zip([-0.8626, 1.1688, -0.3326]) {
            assert_abs_diff_eq!(*value, expected, epsilon = 1e-5);
        }
    }

    #[test]
    fn wrong_numbers_are_named() {
        let two = PerChannel::Each(vec![0.5, 0.5]);
        let error = Normalise::new(false, Some(&two), None).unwrap_err().to_string();
        assert!(error.contains("mean") && error.contains("3"), "{error}");
        for std in [0.0, 1e-39] {
            let error = Normalise::new(true, None, Some(&PerChannel::All(std))).unwrap_err().to_string();
            assert!(error.contains("std") && error.contains("above 0"), "{error}");
        }
    }
}
