//! Normalisation of loudness.

use crate::common::standardise;
use plasticity_core::Result;
use serde::{Deserialize, Serialize};

/// `normalise` in a config: `"utterance"`, `"none"`, or `{ mean = …, std = … }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"utterance\", \"none\" or { mean = …, std = … }")]
pub enum Normalise {
    /// Each utterance by its mean and standard deviation, or no normalisation.
    Own(Own),
    /// All utterances by the same constants.
    Corpus(Constants),
}

/// Normalisation without constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// Each utterance gets mean 0 and variance 1.
    Utterance,
    /// None: samples stay within ±1.
    None,
}

/// Constants for all utterances of a corpus, for samples with a full scale of ±1. Differences in loudness
/// remain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// Subtracted from each sample.
    pub mean: f64,
    /// Divides each sample after that.
    pub std: f64,
}

impl Default for Normalise {
    fn default() -> Self {
        Self::Own(Own::Utterance)
    }
}

impl Normalise {
    /// Checks the constants.
    ///
    /// # Errors
    /// If samples within ±1 would not give finite numbers.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Corpus(Constants { mean, std }) => {
                standardise::check("normalise", *mean, *std, [-1.0, 1.0])
            }
        }
    }

    /// Replaces every sample of an utterance by (x − mean) / std. With `"utterance"`, silence stays 0.
    pub fn apply(&self, samples: &mut [f32]) {
        // The closure never fails, so neither does `moments`.
        let whole = |each: &mut Each| -> Result<()> {
            each(samples);
            Ok(())
        };
        if let Ok(Some(moments)) = self.moments(&whole) {
            moments.apply(samples);
        }
    }

    /// The mean and standard deviation by which an utterance is normalised; `None` if it is not. `all` passes
    /// all samples to its argument, piece by piece, each time it is called.
    ///
    /// # Errors
    /// The first error of `all`.
    pub fn moments(&self, all: &dyn Fn(&mut Each) -> Result<()>) -> Result<Option<Moments>> {
        match self {
            Self::Own(Own::None) => Ok(None),
            Self::Own(Own::Utterance) => Moments::of(all).map(Some),
            Self::Corpus(Constants { mean, std }) => Ok(Some(Moments { mean: *mean, std: *std })),
        }
    }
}

/// A function that takes samples piece by piece.
pub type Each<'a> = dyn FnMut(&[f32]) + 'a;

/// A mean and a standard deviation. The standard deviation of silence counts as 1.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    mean: f64,
    std: f64,
}

impl Moments {
    /// The moments of the samples that `all` passes on. It is called twice, because a recording may be larger
    /// than memory.
    fn of(all: &dyn Fn(&mut Each) -> Result<()>) -> Result<Self> {
        let (mut count, mut sum, mut squares) = (0_usize, 0.0, 0.0);
        all(&mut |samples| {
            count += samples.len();
            sum = samples.iter().fold(sum, |sum, v| sum + f64::from(*v));
        })?;
        let mean = sum / count.max(1) as f64;
        all(&mut |samples| {
            squares = samples.iter().fold(squares, |sum, v| sum + (f64::from(*v) - mean).powi(2))
        })?;
        let variance = squares / count.max(1) as f64;
        Ok(Self { mean, std: if variance > 1e-14 { variance.sqrt() } else { 1.0 } })
    }

    /// Replaces every sample by (x − mean) / std.
    pub fn apply(&self, samples: &mut [f32]) {
        samples.iter_mut().for_each(|v| *v = ((f64::from(*v) - self.mean) / self.std) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[derive(Debug, Deserialize)]
    struct Config {
        normalise: Normalise,
    }

    fn parse(text: &str) -> Result<Normalise, toml::de::Error> {
        toml::from_str(&format!("normalise = {text}")).map(|config: Config| config.normalise)
    }

    #[test]
    fn an_utterance_gets_mean_0_and_variance_1_and_silence_stays() {
        let mut samples = [0.1, 0.3, 0.1, 0.3];
        Normalise::default().apply(&mut samples);
        assert!(samples.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{samples:?}");
        let mut silence = [0.0; 3];
        Normalise::default().apply(&mut silence);
        assert_eq!(silence, [0.0; 3]);
        let mut samples = [0.1, 0.3];
        parse("\"none\"").unwrap().apply(&mut samples);
        assert_eq!(samples, [0.1, 0.3]);
    }

    /// The code published with Löwe et al. 2019 takes samples as 32-bit integers.
    #[test]
    fn the_published_constants_give_the_published_values() {
        let mut samples = [0.25, -0.5];
        parse("{ mean = -0.0006781046977, std = 0.06300560385 }").unwrap().apply(&mut samples);
        for (sample, x) in samples.into_iter().zip([0.25, -0.5]) {
            let published = (x * f64::from(1 << 30) * 2.0 + 1_456_218.75) / 135_303_504.0;
            assert_abs_diff_eq!(f64::from(sample), published, epsilon = 1e-6);
        }
    }

    #[test]
    fn wrong_values_are_told_with_the_key() {
        for std in ["0.0", "-1", "nan", "inf", "1e-40"] {
            let normalise = parse(&format!("{{ mean = 0.0, std = {std} }}")).unwrap();
            let error = normalise.check().unwrap_err().to_string();
            assert!(error.starts_with("normalise: ") && error.contains("above 0"), "{error}");
        }
        assert!(parse("{ mean = nan, std = 1.0 }").unwrap().check().is_err());
        for text in ["\"loud\"", "{ mean = 0.0 }", "{ mean = 0.0, std = 1.0, x = 1 }"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("{ mean = …, std = … }"), "{error}");
        }
    }
}
