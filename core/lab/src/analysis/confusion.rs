//! Which class a linear probe names for each correct class.

use crate::probe::{Features, ProbeSettings, Task, predictions};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::random::{purpose, stream};

/// The classes that a probe of one layer names, row by row of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The layer, from 0.
    pub layer: usize,
    /// The correct class of each test row.
    pub labels: Vec<u32>,
    /// The class that the probe names for it.
    pub named: Vec<u32>,
    /// The number of rows that trained the probe.
    pub learned: usize,
}

/// Trains a linear probe on a layer's features and names the class of every row of `test`.
///
/// # Errors
/// As [`accuracy`](crate::probe::accuracy).
pub fn answers(
    settings: &ProbeSettings,
    classes: usize,
    (train, test): (&Features, &Features),
    layer: usize,
    device: &Device,
    seed: u64,
) -> Result<Answers> {
    let mut random = stream(seed, &[purpose::PROBE, layer as u64]);
    let of = test.layer(layer)?;
    let train = train.layer(layer)?;
    let task = Task { classes, train: &[train], held_out: &[], test: of };
    let named = predictions(settings, &task, device, &mut random)?;
    Ok(Answers { layer, labels: of.labels.to_vec(), named, learned: train.labels.len() })
}

/// How often the probe names each class for each correct class.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    /// `[class, named class]`: numbers of test rows.
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// The confusion matrix of a probe's answers.
    pub fn of(answers: &Answers, classes: usize) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &named) in answers.labels.iter().zip(&answers.named) {
            if let Some(count) = counts.get_mut(label as usize).and_then(|row| row.get_mut(named as usize)) {
                *count += 1;
            }
        }
        Self { counts }
    }

    /// Percent of the rows whose class is named correctly.
    pub fn accuracy(&self) -> f64 {
        let all: usize = self.counts.iter().flatten().sum();
        let right: usize = self.counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        100.0 * right as f64 / all.max(1) as f64
    }

    /// Percent of the rows of class `class` for which the probe names `named`; `None` for a class without rows.
    pub fn share(&self, class: usize, named: usize) -> Option<f64> {
        let row = self.counts.get(class)?;
        let all: usize = row.iter().sum();
        (all > 0).then(|| 100.0 * *row.get(named).unwrap_or(&0) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_what_they_are_and_what_they_are_named() {
        let answers = Answers { layer: 0, labels: vec![0, 0, 0, 1], named: vec![0, 1, 0, 1], learned: 9 };
        let confusion = Confusion::of(&answers, 3);
        assert_eq!(confusion.counts, [[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!((confusion.accuracy(), confusion.share(2, 0)), (75.0, None));
        assert!((confusion.share(0, 1).unwrap() - 100.0 / 3.0).abs() < 1e-9);
    }
}
