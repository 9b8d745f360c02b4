//! The result of a probe.

use super::protocol::ProbeKind;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The results for one layer, or for features that need no network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerProbe {
    /// The layer, counted from 1; `input` for the stimuli themselves, or the name of hand-made features; `all`
    /// for all layers together.
    pub name: String,
    /// One for each probe of the protocol.
    pub scores: Vec<Score>,
    /// Accuracy of guessing, in percent: 100 divided by the number of classes.
    pub chance: f64,
    /// Accuracy of always naming the most frequent class of the training stimuli, in percent.
    pub majority: f64,
    /// Statistics of the trained network's features.
    pub features: FeatureStatistics,
    /// The same for the network with its initial weights.
    pub untrained_features: FeatureStatistics,
}

/// The accuracy of one probe, in percent of the test stimuli (or frames).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which probe.
    pub probe: ProbeKind,
    /// Of the trained network.
    pub accuracy: f64,
    /// Of the network with its initial weights. For features that need no network, it equals `accuracy`.
    pub untrained: f64,
    /// If there are more than five classes: how often the correct one is among the five best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<Beside<f64>>,
    /// If a part of the training stimuli is held out for validation: the epoch that was chosen with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Beside<Chosen>>,
}

/// A value for the trained and for the untrained network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside<T> {
    /// Of the trained network.
    pub trained: T,
    /// Of the network with its initial weights.
    pub untrained: T,
}

/// The epoch of the probe's training, chosen on held-out stimuli, after which it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The epoch, counted from 1: the first one with the highest validation accuracy.
    pub epoch: u64,
    /// Accuracy on the held-out stimuli after it, in percent.
    pub validation: f64,
}

/// The result of one probe for one layer of one network, in percent of the test stimuli.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// How often the best class is correct.
    pub accuracy: f64,
    /// How often the correct class is among the five best, if there are more classes.
    pub top5: Option<f64>,
    /// The epoch that was chosen on held-out stimuli, if there are any.
    pub chosen: Option<Chosen>,
}

/// Statistics of the training stimuli's features, independent of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureStatistics {
    /// Share of the features that are 0 for every stimulus, in percent.
    pub dead: f64,
    /// Effective dimension of the covariance C, (tr C)² / ‖C‖²: 1 if all variance lies along one direction, and
    /// the number of features if it is the same along all.
    pub dimension: f64,
}

impl LayerProbe {
    /// The results of a trained network, completed with those of the untrained network.
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
    /// The score from a probe's results for the trained and for the untrained network.
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

/// The value of the first network and the value of the second.
fn of_both<T>(trained: Option<Beside<T>>, untrained: Option<Beside<T>>) -> Option<Beside<T>> {
    beside(trained.map(|found| found.trained), untrained.map(|found| found.trained))
}

fn beside<T>(trained: Option<T>, untrained: Option<T>) -> Option<Beside<T>> {
    trained.zip(untrained).map(|(trained, untrained)| Beside { trained, untrained })
}

impl Found {
    /// Counts a stimulus of class `own` with a value for each class. The best class is the last one that no
    /// other exceeds. The correct class is among the five best if at most five classes, including itself, are
    /// not below it.
    pub(super) fn count<T>(&mut self, own: usize, classes: &[T], order: impl Fn(&T, &T) -> Ordering) {
        let best = classes.iter().enumerate().max_by(|a, b| order(a.1, b.1)).map(|(class, _)| class);
        let not_below = |right: &T| classes.iter().filter(|other| order(other, right).is_ge()).count();
        self.accuracy += f64::from(best == Some(own));
        *self.top5.get_or_insert(0.0) +=
            f64::from(classes.get(own).is_some_and(|right| not_below(right) <= 5));
    }

    /// Counts of `rows` stimuli as percentages; `top5` is left out for at most five classes.
    pub(super) fn in_percent(self, rows: usize, classes: usize) -> Self {
        let percent = |count: f64| 100.0 * count / rows as f64;
        Self {
            accuracy: percent(self.accuracy),
            top5: self.top5.filter(|_| classes > 5).map(percent),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_five_classes_are_among_the_five_best_and_ties_are_not() {
        let top5 = |own, values: &[f32]| {
            let mut found = Found::default();
            found.count(own, values, f32::total_cmp);
            found.in_percent(1, values.len()).top5
        };
        let falling = [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!((top5(4, &falling), top5(5, &falling)), (Some(100.0), Some(0.0)));
        assert_eq!(top5(0, &[1.0; 7]), Some(0.0), "seven equal classes are not five best");
        assert_eq!(top5(0, &falling[..5]), None);
    }
}
