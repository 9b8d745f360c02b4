//! The section `[probe]`.

use super::all_layers::AllLayers;
use crate::probe::{Initial, ProbeKind, ProbeSettings, Protocol};
use crate::schedule::{self, Schedule, Span};
use plasticity_core::registry::Key;
use plasticity_core::representation::Pooling;
use serde::{Deserialize, Serialize};

/// The keys of `[probe]`.
pub const PROBE: [Key; 20] = [
    Key::new(
        "protocol",
        "\"both\"",
        "paper | standardised | both",
        "the probes: `\"paper\"` uses raw features; `\"standardised\"` uses features scaled to mean 0 and \
         variance 1 over the training stimuli; `\"both\"` uses both",
    ),
    Key::new("layers", "", "list of 1..", "the layers to probe; left out: all"),
    Key::new(
        "input",
        "true",
        "true | false",
        "also probes the stimuli themselves as a baseline: every pixel, or means over blocks if there are many \
         (blocks at the lower and right edge may be smaller). For speech the baseline is MFCC",
    ),
    Key::new(
        "validation",
        "0.0",
        "[0, 1)",
        "share of the training stimuli (of their recordings) to hold out. The classifier of the epoch with the \
         highest accuracy on the held-out stimuli is tested (of the first such epoch, if there are several). 0: none \
         are held out, and the classifier of the last epoch is tested",
    ),
    Key::new(
        "neighbours",
        "",
        "1..",
        "adds a probe that names the most frequent class of this many nearest training stimuli, by the cosine of \
         raw features. With `augment` each version of a stimulus counts. Left out: none",
    ),
    Key::new(
        "epochs",
        "",
        "1..",
        "epochs of the probe's training; left out: 300 for raw features and 100 for standardised ones",
    ),
    Key::new("rate", "0.001", "> 0", "Adam's learning rate"),
    Key::new(
        "halve_at",
        "",
        "list of [0, 1]",
        "shares of the probe's epochs; after each of them the learning rate is halved",
    ),
    schedule::key("factor on the rate at each step of the probe's training, in addition to `halve_at`"),
    Key::new(
        "batch",
        "",
        "1..",
        "stimuli in each step of the probe's training; left out: 32 for raw features and 128 for standardised ones",
    ),
    // Each pass is kept in memory.
    Key::new(
        "augment",
        "0",
        "0..=1000",
        "how many versions of each training stimulus the probe sees, each with new crops, flips and colours as \
         in learning; 0: one version without augmentation, as in testing",
    ),
    Key::new(
        "pooling",
        "\"mean\"",
        "mean | keep | { blocks = 1.. }",
        "the features of a layer: `\"mean\"`, the mean over the places of a map and over locations; \
         `\"keep\"`, every place and location separately; `{ blocks = 2 }`, means over blocks of 2×2 places \
         (rows and columns past the last whole block are left out). Features are always means over time: over the \
         whole stimulus, or over a labelled frame",
    ),
    Key::new(
        "standardise",
        "",
        "true | false",
        "the old name of `protocol`: true is \"standardised\", false is \"paper\"",
    ),
    Key::new(
        "dropout",
        "0.0",
        "[0, 1)",
        "probability that a step of the probe's training sets a feature to 0 (the others are divided by 1 − \
         `dropout`)",
    ),
    Key::new("weight_decay", "0.0", "≥ 0", "weight decay"),
    Key::new(
        "batch_norm",
        "",
        "true | false",
        "whether batch normalisation of the features, with a learned gain and shift, precedes the classifier; left out: no",
    ),
    Key::new(
        "initial",
        "",
        "uniform | orthogonal",
        "initial weights of the classifier: uniform within ±1/√features, or orthogonal with a bias of 0; left out: uniform",
    ),
    Key::new(
        "all_layers",
        "false",
        "true | false | 0.. | list of 0..",
        "adds a probe `all` of all layers together. `true`: the last layer of each module is averaged over \
         the blocks that the rule uses (set by the key `pool` of some rules), every other layer over the whole \
         map. A number, or a list with one for each layer: each layer is averaged over blocks with this side \
         (rows and columns past the last whole block are left out); 0: over the whole map",
    ),
    Key::new(
        "every",
        "",
        "{ epochs = 1.. } | { steps = 1.. }",
        "how often to probe the layers during training, with a part of the stimuli; left out: never",
    ),
    // Enough that every class occurs, and few enough that the features fit into memory with the network.
    Key::new(
        "every_stimuli",
        "512",
        "16..=1000000",
        "largest number of stimuli that train a probe during training; half as many test it",
    ),
];

/// `[probe]`: the linear probe of every layer. The defaults are the paper's for images, plus a probe on standardised
/// features. For video the paper keeps all places (`pooling = "keep"`) and leaves out half of the features in each
/// step (`dropout = 0.5`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// The probes: `"paper"` uses raw features; `"standardised"` uses features scaled to mean 0 and variance 1 over
    /// the training stimuli; `"both"` uses both.
    pub protocol: Protocol,
    /// The layers that are probed, counted from 1; by default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,
    /// Whether the stimuli themselves are probed as a baseline: every pixel, or means over blocks if there are many.
    /// For speech the baseline is MFCC.
    pub input: bool,
    /// Share of the training stimuli (of their recordings) that is held out, at least 0 and below 1. A linear probe is tested after the
    /// epoch with the highest accuracy on them.
    pub validation: f32,
    /// Adds a probe that names the most frequent class of this many nearest training stimuli (or versions of them), at
    /// least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<usize>,
    /// Passes over the labelled stimuli, at least 1; by default 300 on raw features and 100 on standardised ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Adam's learning rate, above 0.
    pub rate: f32,
    /// Shares of the probe's epochs, from 0 to 1, after each of which the learning rate is halved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halve_at: Vec<f32>,
    /// The factor on the rate at each step of the probe's training, in addition to `halve_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Stimuli in a step of the probe's learning, at least 1; by default 32 on raw features and 128 on standardised ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// How many versions of each training stimulus the probe sees, each with new crops, flips and colours as in
    /// learning. The epochs use the versions in turn. 0: one version without augmentation, as in testing.
    pub augment: usize,
    /// The features of a layer: `"mean"`, the mean over its rows, columns and locations; `"keep"`, all of these
    /// places; `{ blocks = 2 }`, means over blocks of 2×2 places. Always the mean over time.
    pub pooling: Pooling,
    /// The older key of `protocol`: `true` is `"standardised"`, `false` is `"paper"`.
    #[serde(skip_serializing)]
    pub standardise: Option<bool>,
    /// Probability, at least 0 and below 1, with which each feature is left out in each step of the probe's learning
    /// (the others are divided by 1 − `dropout`).
    pub dropout: f32,
    /// Weight decay, at least 0.
    pub weight_decay: f32,
    /// Whether batch normalisation with a learned gain and shift precedes the classifier.
    #[serde(skip_serializing_if = "is_off")]
    pub batch_norm: bool,
    /// The initial weights of the classifier.
    #[serde(skip_serializing_if = "is_default")]
    pub initial: Initial,
    /// Adds a probe `all` of all layers together: `true` pools each layer as its rule does; a number, or a list with
    /// one for each layer, gives the side of the blocks that are averaged, 0 for the whole map.
    pub all_layers: AllLayers,
    /// How often layers are probed during training, on a part of the stimuli; by default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// The largest number of stimuli that train a probe during training; half as many test it.
    pub every_stimuli: usize,
}

fn is_off(flag: &bool) -> bool {
    !*flag
}

fn is_default(initial: &Initial) -> bool {
    *initial == Initial::default()
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            layers: None,
            input: true,
            validation: 0.0,
            neighbours: None,
            epochs: None,
            rate: 1e-3,
            halve_at: Vec::new(),
            schedule: None,
            batch: None,
            augment: 0,
            pooling: Pooling::Mean,
            standardise: None,
            dropout: 0.0,
            weight_decay: 0.0,
            batch_norm: false,
            initial: Initial::Uniform,
            all_layers: AllLayers::default(),
            every: None,
            every_stimuli: 512,
        }
    }
}

impl ProbeConfig {
    /// The same with the older key `standardise` replaced by `protocol`.
    #[must_use]
    pub(super) fn renamed(self) -> Self {
        let protocol = match self.standardise {
            Some(true) => Protocol::Standardised,
            Some(false) => Protocol::Paper,
            None => self.protocol,
        };
        Self { protocol, standardise: None, ..self }
    }

    /// The single probes.
    pub fn probes(&self) -> Vec<ProbeKind> {
        let neighbours = self.neighbours.map(|_| ProbeKind::Neighbours);
        self.protocol.probes().iter().copied().chain(neighbours).collect()
    }

    /// How one of the linear probes learns.
    pub fn settings(&self, kind: ProbeKind) -> ProbeSettings {
        ProbeSettings {
            kind,
            epochs: self.epochs.unwrap_or(kind.epochs()),
            rate: self.rate,
            halve_at: self.halve_at.clone(),
            schedule: self.schedule.clone(),
            batch: self.batch.unwrap_or(kind.batch()),
            dropout: self.dropout,
            weight_decay: self.weight_decay,
            batch_norm: self.batch_norm,
            initial: self.initial,
        }
    }
}
