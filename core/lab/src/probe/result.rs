//! What a probe found.

use super::protocol::ProbeKind;
use serde::{Deserialize, Serialize};

/// What is known of one layer, or of hand-made features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerProbe {
    /// The layer, counted from 1, or what hand-made features are called; `all` for all layers side by side.
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
    /// Of the network with its initial weights; of hand-made features, which do not learn, the same.
    pub untrained: f64,
}

/// What the training stimuli's features are like, whatever is read out of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureStatistics {
    /// Share of the features that are 0 for every stimulus, in percent.
    pub dead: f64,
    /// Effective dimension of the covariance C, (tr C)² / ‖C‖²: 1 where all variance lies along one direction, the number of
    /// features where it is the same along all.
    pub dimension: f64,
}

impl LayerProbe {
    /// The score of a probe, if the protocol has it.
    pub fn score(&self, probe: ProbeKind) -> Option<&Score> {
        self.scores.iter().find(|score| score.probe == probe)
    }

    /// The same with what was found of the network with its initial weights beside it.
    #[must_use]
    pub(super) fn beside(mut self, untrained: &Self) -> Self {
        for (score, untrained) in self.scores.iter_mut().zip(&untrained.scores) {
            score.untrained = untrained.accuracy;
        }
        self.untrained_features = untrained.features;
        self
    }
}
