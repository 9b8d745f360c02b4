//! What a probe found.

use super::protocol::ProbeKind;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What is known of one layer, or of features that need no network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerProbe {
    /// The layer, counted from 1; `input` for the stimuli themselves, or what hand-made features are called; `all` for all
    /// layers side by side.
    pub name: String,
    /// One for each probe of the protocol.
    pub scores: Vec<Score>,
    /// Accuracy of guessing, in percent: 100 over the number of classes.
    pub chance: f64,
    /// Accuracy of always giving the class that most training stimuli have, in percent.
    pub majority: f64,
    /// The trained network's features.
    pub features: FeatureStatistics,
    /// Those of the network with its initial weights.
    pub untrained_features: FeatureStatistics,
}

/// The accuracy of one probe, in percent of the test stimuli (or frames).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which probe.
    pub probe: ProbeKind,
    /// Of the trained network.
    pub accuracy: f64,
    /// Of the network with its initial weights; of features that need no network, which do not learn, the same.
    pub untrained: f64,
    /// Where there are more than five classes: how often the right one is among the five best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<Beside<f64>>,
    /// Where a part of the training stimuli is held out for validation: what was chosen on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Beside<Chosen>>,
}

/// A figure of the trained network beside that of the untrained one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside<T> {
    /// Of the trained network.
    pub trained: T,
    /// Of the network with its initial weights.
    pub untrained: T,
}

/// What is chosen on held-out stimuli: the epoch of the probe's learning after which it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The epoch, counted from 1: the first of those with the highest validation accuracy.
    pub epoch: u64,
    /// Accuracy on the held-out stimuli after it, in percent.
    pub validation: f64,
}

/// What one probe found of one network's layer, in percent of the test stimuli.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// How often the best class is the right one.
    pub accuracy: f64,
    /// How often it is among the five best, where there are more classes.
    pub top5: Option<f64>,
    /// What was chosen on held-out stimuli, if any were.
    pub chosen: Option<Chosen>,
}

/// What the training stimuli's features are like, whatever a probe makes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureStatistics {
    /// Share of the features that are 0 for every stimulus, in percent.
    pub dead: f64,
    /// Effective dimension of the covariance C, (tr C)² / ‖C‖²: 1 where all variance lies along one direction, the number of
    /// features where it is the same along all.
    pub dimension: f64,
}

impl LayerProbe {
    /// The same of a trained network, beside what was found of the untrained one alone.
    #[must_use]
    pub(super) fn beside(mut self, untrained: &Self) -> Self {
        for (score, untrained) in self.scores.iter_mut().zip(&untrained.scores) {
            score.untrained = untrained.accuracy;
            score.top5 = of_both(score.top5, untrained.top5);
            score.chosen = of_both(score.chosen, untrained.chosen);
        }
        Self { untrained_features: untrained.features, ..self }
    }

    /// The score of a probe, if the protocol has it.
    pub fn score(&self, probe: ProbeKind) -> Option<&Score> {
        self.scores.iter().find(|score| score.probe == probe)
    }
}

impl Score {
    /// What a probe found of the trained network beside what it found of the untrained one.
    pub fn new(probe: ProbeKind, trained: Found, untrained: Found) -> Self {
        Self {
            probe,
            accuracy: trained.accuracy,
            untrained: untrained.accuracy,
            top5: beside(trained.top5, untrained.top5),
            chosen: beside(trained.chosen, untrained.chosen),
        }
    }
}

/// The first's own figure beside the second's.
fn of_both<T>(trained: Option<Beside<T>>, untrained: Option<Beside<T>>) -> Option<Beside<T>> {
    beside(trained.map(|found| found.trained), untrained.map(|found| found.trained))
}

fn beside<T>(trained: Option<T>, untrained: Option<T>) -> Option<Beside<T>> {
    trained.zip(untrained).map(|(trained, untrained)| Beside { trained, untrained })
}

impl Found {
    /// Counts a stimulus of class `own` with what speaks for each class: the best class is the last of those that no other
    /// exceeds, and the right one is among the five best where at most five, itself among them, are not below it.
    pub(super) fn count<T>(&mut self, own: usize, classes: &[T], order: impl Fn(&T, &T) -> Ordering) {
        let best = classes.iter().enumerate().max_by(|a, b| order(a.1, b.1)).map(|(class, _)| class);
        let not_below = |right: &T| classes.iter().filter(|other| order(other, right).is_ge()).count();
        self.accuracy += f64::from(best == Some(own));
        *self.top5.get_or_insert(0.0) +=
            f64::from(classes.get(own).is_some_and(|right| not_below(right) <= 5));
    }

    /// Counts of `rows` stimuli as percentages; five of at most five classes say nothing.
    pub(super) fn in_percent(self, rows: usize, classes: usize) -> Self {
        let percent = |count: f64| 100.0 * count / rows as f64;
        Self {
            accuracy: percent(self.accuracy),
            top5: self.top5.filter(|_| classes > 5).map(percent),
            ..self
        }
    }
}
