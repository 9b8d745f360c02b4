//! Scales features to mean 0 and variance 1 over the training stimuli.

use super::labelled::Labelled;

/// The mean of every feature, and 1 divided by its standard deviation.
pub(super) struct Scaling(Vec<(f32, f32)>);

impl Scaling {
    /// The scaling from several passes over the training stimuli; a feature that does not vary becomes 0.
    pub(super) fn of(passes: &[Labelled], channels: usize) -> Self {
        let mut sums = vec![(0.0f64, 0.0f64); channels];
        let mut rows = 0;
        for pass in passes {
            rows += pass.labels.len();
            for index in 0..pass.labels.len() {
                for ((sum, squares), &value) in sums.iter_mut().zip(pass.row(index)) {
                    *sum += f64::from(value);
                    *squares += f64::from(value) * f64::from(value);
                }
            }
        }
        let scale = |(sum, squares): (f64, f64)| {
            let mean = sum / rows as f64;
            let variance = (squares / rows as f64 - mean * mean).max(0.0);
            let vary = variance > 1e-12 * (mean * mean).max(f64::MIN_POSITIVE);
            (mean as f32, if vary { (1.0 / variance.sqrt()) as f32 } else { 0.0 })
        };
        Self(sums.into_iter().map(scale).collect())
    }

    /// The values minus their mean, times their scale.
    pub(super) fn scaled(&self, rows: &Labelled) -> Vec<f32> {
        let scaled = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(&self.0).map(|(value, (mean, scale))| (value - mean) * scale).collect()
        };
        (0..rows.labels.len()).flat_map(|index| scaled(rows.row(index))).collect()
    }
}
