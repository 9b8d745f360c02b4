//! How selective single neurons are: for classes, and over stimuli.

use crate::probe::Labelled;

/// Selectivity of the neurons of a layer; neurons that never change are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selectivity {
    /// Class selectivity of each neuron, from 0 to 1: (µ_max − µ_rest) / (µ_max + µ_rest), with µ_max the
    /// mean activity for the class that drives it most and µ_rest the mean over the means of the other
    /// classes. Empty if there is only one class, and for a layer with negative activity, for which it is
    /// not defined.
    ///
    /// Source: Morcos, Barrett, Rabinowitz & Botvinick 2018.
    pub class: Vec<f64>,
    /// Lifetime sparseness of each neuron, from 0 (the same for all stimuli) to 1 (active for only one):
    /// (1 − (Σ r / n)² / (Σ r² / n)) / (1 − 1/n). Empty for a layer with negative activity: it is defined for rates.
    ///
    /// Source: Vinje & Gallant 2000, after Rolls & Tovee 1995.
    pub lifetime: Vec<f64>,
}

impl Selectivity {
    /// Mean class selectivity, if there is any.
    pub fn mean_class(&self) -> Option<f64> {
        mean(&self.class)
    }

    /// Mean lifetime sparseness, if there is any.
    pub fn mean_lifetime(&self) -> Option<f64> {
        mean(&self.lifetime)
    }
}

fn mean(of: &[f64]) -> Option<f64> {
    (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
}

/// Selectivity of the neurons of a layer with the features `of`, for `classes` classes.
pub fn selectivity(of: Labelled, classes: usize) -> Selectivity {
    let channels = of.channels;
    let rows = of.labels.len();
    let mut found = Selectivity::default();
    if rows < 2 || channels == 0 {
        return found;
    }
    let negative = of.values.iter().any(|value| *value < 0.0);
    let mut of_class = vec![0usize; classes];
    let mut sums = vec![0.0f64; classes * channels];
    let mut squares = vec![0.0f64; channels];
    for (row, &label) in of.values.chunks_exact(channels).zip(of.labels) {
        let Some(count) = of_class.get_mut(label as usize) else { continue };
        *count += 1;
        let sums = &mut sums[label as usize * channels..][..channels];
        for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(row) {
            *sum += f64::from(value);
            *square += f64::from(value).powi(2);
        }
    }
    let n = of_class.iter().sum::<usize>() as f64;
    for channel in 0..channels {
        let first = of.values[channel];
        if of.values.iter().skip(channel).step_by(channels).all(|value| *value == first) {
            continue;
        }
        let sum: f64 = (0..classes).map(|class| sums[class * channels + channel]).sum();
        let square = squares[channel];
        if !negative && square > 0.0 && n > 1.0 {
            found.lifetime.push((1.0 - (sum / n).powi(2) / (square / n)) / (1.0 - 1.0 / n));
        }
        let means: Vec<f64> = (0..classes)
            .filter(|&class| of_class[class] > 0)
            .map(|class| sums[class * channels + channel] / of_class[class] as f64)
            .collect();
        let most = means.iter().copied().fold(0.0, f64::max);
        let rest = (means.iter().sum::<f64>() - most) / (means.len().max(2) - 1) as f64;
        if !negative && means.len() > 1 && most + rest > 0.0 {
            found.class.push((most - rest) / (most + rest));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn of(values: &[f32], channels: usize, labels: &[u32]) -> Selectivity {
        selectivity(Labelled { values, channels, labels }, 2)
    }

    #[test]
    fn neurons_of_one_class_one_stimulus_or_none_are_told_apart() {
        // Active only for class 0; for only one stimulus; equally for all but one; dead.
        let values = [1.0, 4.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        let found = of(&values, 4, &[0, 0, 1, 1]);
        assert_eq!(found.lifetime.len(), 3, "the dead neuron is left out");
        assert_relative_eq!(found.lifetime[0], (1.0 - 0.25 / 0.5) / 0.75);
        assert_relative_eq!(found.lifetime[1], 1.0);
        assert_relative_eq!(found.lifetime[2], (1.0 - 1.5625 / 1.75) / 0.75);
        assert_relative_eq!(found.class[0], 1.0);
        assert_relative_eq!(found.class[2], 0.5 / 2.5);
    }

    #[test]
    fn classes_count_alike_however_many_stimuli_they_have() {
        let values = [3.0, 3.0, 3.0, 1.0, 1.0, 1.0];
        let found = selectivity(Labelled { values: &values, channels: 1, labels: &[0, 0, 0, 1, 1, 2] }, 3);
        assert_eq!(found.class, [0.5], "(3 − 1) / (3 + 1)");
    }

    #[test]
    fn negative_activity_has_no_selectivity_and_no_sparseness() {
        assert_eq!(of(&[1.0, -1.0, 0.5, 0.0], 1, &[0, 0, 1, 1]), Selectivity::default());
    }
}
