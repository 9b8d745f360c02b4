//! The sections `[training]` and `[probe]`.

use super::all_layers::AllLayers;
use crate::optimiser::OptimiserSpec;
use crate::probe::{ProbeKind, ProbeSettings, Protocol};
use plasticity_core::device::Precision;
use plasticity_core::registry::Key;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How often something happens: `{ epochs = 1 }`, `{ steps = 500 }` or `{ minutes = 10 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "EveryTable")]
pub enum Every {
    /// After so many passes over the stimuli.
    Epochs(u64),
    /// After so many steps.
    Steps(u64),
    /// After so many minutes of this process's time.
    Minutes(u64),
}

/// [`Every`] as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ epochs = N }, { steps = N } or { minutes = N }")]
struct EveryTable {
    epochs: Option<u64>,
    steps: Option<u64>,
    minutes: Option<u64>,
}

impl TryFrom<EveryTable> for Every {
    type Error = &'static str;

    fn try_from(table: EveryTable) -> Result<Self, Self::Error> {
        match (table.epochs, table.steps, table.minutes) {
            (Some(epochs), None, None) => Ok(Self::Epochs(epochs)),
            (None, Some(steps), None) => Ok(Self::Steps(steps)),
            (None, None, Some(minutes)) => Ok(Self::Minutes(minutes)),
            _ => Err("expected one of { epochs = N }, { steps = N } and { minutes = N }"),
        }
    }
}

/// By what checkpoints are best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// The mean loss of all modules and of all steps since the checkpoint before it: the lower the better.
    #[default]
    Loss,
    /// The mean accuracy of the probes of all layers: the higher the better.
    Probe,
}

/// `[training]`: how long, in which batches, how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the stimuli, at least 1.
    pub epochs: u64,
    /// Stimuli in a step, at least 1; the paper's 32.
    #[serde(default = "batch")]
    pub batch: usize,
    /// The optimiser of every module; the paper's Adam at 2e-4.
    #[serde(default)]
    pub optimiser: OptimiserSpec,
    /// Factors on the optimiser's rate, one a module, each above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_rates: Option<Vec<f32>>,
    /// Ends training after so many steps, if that is before the last epoch's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// How often a checkpoint is written (and always at the end).
    #[serde(default = "every_epoch")]
    pub checkpoint_every: Every,
    /// Checkpoints that are kept, the last ones, at least 1; the one before the last guards against a broken last one.
    #[serde(default = "keep")]
    pub keep: usize,
    /// Further checkpoints that are kept: the best ones of those before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_best: usize,
    /// By what they are best.
    #[serde(default, skip_serializing_if = "is_default")]
    pub best_by: BestBy,
    /// A run's folder, or a checkpoint, whose weights a new run starts from; the optimiser starts anew. Weights of a rule
    /// are taken where they are those of the same rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// With `init`: only these layers, counted from 1, take its weights; the others and the rule start from their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_layers: Option<Vec<usize>>,
    /// Steps from one recorded loss to the next.
    #[serde(default = "log_every")]
    pub log_every: u64,
    /// Threads of arithmetic, 1 to 1024, and at most as many of loading; by default one for each core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Operands of matrix products and convolutions: `f32`, and on CUDA `tf32` (where none is given) or `bf16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
fn is_default(best_by: &BestBy) -> bool {
    *best_by == BestBy::default()
}
fn batch() -> usize {
    32
}
fn every_epoch() -> Every {
    Every::Epochs(1)
}
fn keep() -> usize {
    2
}
fn log_every() -> u64 {
    20
}

impl Training {
    /// Steps of the whole training.
    pub fn total_steps(&self, per_epoch: u64) -> u64 {
        let all = self.epochs.saturating_mul(per_epoch);
        self.steps.map_or(all, |steps| steps.min(all))
    }

    /// Checks what depends on the build.
    ///
    /// # Errors
    /// Where the precision is one that the device has not, or layers are named for no `init`.
    pub(super) fn check(&self) -> Result<()> {
        if self.init.is_none() && self.init_layers.is_some() {
            return Err(Error::config("training.init_layers", "is for training.init, which is not given"));
        }
        match self.precision.filter(|precision| !Precision::AVAILABLE.contains(precision)) {
            Some(precision) => {
                let message = format!(
                    "{precision} needs a build with `--features cuda`: this one, for the CPU, has f32"
                );
                Err(Error::config("training.precision", message))
            }
            None => Ok(()),
        }
    }
}

/// The keys of `[training]`.
pub const TRAINING: [Key; 14] = [
    key("epochs", "", "1..", "passes over the stimuli"),
    key("batch", "32", "1..", "stimuli in a step; the paper's 32"),
    key(
        "optimiser",
        "{ type = \"adam\", rate = 0.0002, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }",
        "any",
        "the optimiser of every module, with the keys below; the paper's Adam at 2e-4",
    ),
    key("module_rates", "", "list of > 0", "factors on the optimiser's rate, one a module"),
    key(
        "init",
        "",
        "any",
        "a run's folder, or a checkpoint, whose weights a new run starts from; the optimiser starts anew. Weights of a rule \
         are taken where they are those of the same rule",
    ),
    key(
        "init_layers",
        "",
        "list of 1..",
        "with `init`: only these layers take its weights; the others and the rule start from their own",
    ),
    key("steps", "", "1..", "ends training after so many steps, if that is before the last epoch's end"),
    key(
        "checkpoint_every",
        "{ epochs = 1 }",
        "{ epochs = 1.. } | { steps = 1.. } | { minutes = 1.. }",
        "how often a checkpoint is written (and always at the end)",
    ),
    key(
        "keep",
        "2",
        "1..",
        "checkpoints that are kept, the last ones; the one before the last guards against a broken last one",
    ),
    key(
        "keep_best",
        "",
        "0..",
        "further checkpoints that are kept: the best ones of those before; left out: none",
    ),
    key(
        "best_by",
        "",
        "loss | probe",
        "by what they are best: the mean loss since the checkpoint before (left out), which is then worked out in every step, or the mean \
         accuracy of the probes of all layers, which are then made at every checkpoint",
    ),
    key("log_every", "20", "1.. steps", "from one recorded loss to the next"),
    key(
        "threads",
        "",
        "1..=1024",
        "threads of arithmetic, and at most as many of loading; of each no more are started than four for each core, or 16; left \
         out: one for each core",
    ),
    key(
        "precision",
        "",
        "f32 | tf32 | bf16",
        "operands of matrix products and convolutions: `f32`, and on CUDA `tf32` (where none is given) or `bf16`",
    ),
];

/// The keys of `[probe]`.
pub const PROBE: [Key; 12] = [
    key(
        "protocol",
        "\"both\"",
        "paper | standardised | both",
        "which probes: `\"paper\"`, on features as they are; `\"standardised\"`, on features brought to mean 0 and variance 1 \
         over the training stimuli; `\"both\"`, side by side",
    ),
    key("layers", "", "list of 1..", "the layers that are probed; left out: all"),
    key(
        "epochs",
        "",
        "1..",
        "passes over the labelled stimuli; left out: 300 on raw features and 100 on standardised ones",
    ),
    key("rate", "0.001", "> 0", "Adam's learning rate"),
    key(
        "halve_at",
        "",
        "list of [0, 1]",
        "shares of the probe's epochs after each of which the learning rate is halved",
    ),
    key(
        "batch",
        "",
        "1..",
        "stimuli in a step of the probe's learning; left out: 32 on raw features and 128 on standardised ones",
    ),
    // Each pass is kept in memory.
    key(
        "augment",
        "0",
        "0..=1000",
        "how often the training stimuli are seen, each time cropped, flipped and coloured anew as for learning; 0: once, as \
         for testing",
    ),
    key(
        "pooling",
        "\"mean\"",
        "mean | keep | { blocks = 1.. }",
        "what of a layer is probed: `\"mean\"`, the mean over its rows, columns and locations; `\"keep\"`, all of these \
         places side by side; `{ blocks = 2 }`, means over blocks of 2×2 places side by side. Always the mean over time",
    ),
    key(
        "standardise",
        "",
        "true | false",
        "the older key of `protocol`: true is \"standardised\", false is \"paper\"",
    ),
    key(
        "dropout",
        "0.0",
        "[0, 1)",
        "probability with which each feature is left out in each step of the probe's learning (the others are divided by \
         1 − `dropout`)",
    ),
    key("weight_decay", "0.0", "≥ 0", "weight decay"),
    key(
        "all_layers",
        "false",
        "true | false | 0.. | list of 0..",
        "adds a probe of all layers side by side, `all`: `true` pools each layer as its rule does, a number or a list (one a \
         layer) gives the side of the blocks that are averaged, 0 for the whole map",
    ),
];

const fn key(name: &'static str, default: &'static str, range: &'static str, meaning: &'static str) -> Key {
    Key { name, default, range, meaning }
}

/// `[probe]`: the linear probe of every layer. The defaults are the paper's for images, beside a probe on standardised
/// features; for video the paper keeps places apart (`pooling = "keep"`) and leaves out half of the features in each step
/// (`dropout = 0.5`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// Which probes: `"paper"`, on features as they are; `"standardised"`, on features brought to mean 0 and variance 1 over
    /// the training stimuli; `"both"`, side by side.
    pub protocol: Protocol,
    /// The layers that are probed, counted from 1; by default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,
    /// Passes over the labelled stimuli, at least 1; by default 300 on raw features and 100 on standardised ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Adam's learning rate, above 0.
    pub rate: f32,
    /// Shares of the probe's epochs, from 0 to 1, after each of which the learning rate is halved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halve_at: Vec<f32>,
    /// Stimuli in a step of the probe's learning, at least 1; by default 32 on raw features and 128 on standardised ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// How often the training stimuli are seen, each time cropped, flipped and coloured anew as for learning; passes over
    /// them take turns. 0: once, as for testing.
    pub augment: usize,
    /// What of a layer is read out: `"mean"`, the mean over its rows, columns and locations; `"keep"`, all of these
    /// places side by side; `{ blocks = 2 }`, means over blocks of 2×2 places side by side. Always the mean over time.
    pub pooling: Pooling,
    /// The older key of `protocol`: `true` is `"standardised"`, `false` is `"paper"`.
    #[serde(skip_serializing)]
    pub standardise: Option<bool>,
    /// Probability, at least 0 and below 1, with which each feature is left out in each step of the probe's learning
    /// (the others are divided by 1 − `dropout`).
    pub dropout: f32,
    /// Weight decay, at least 0.
    pub weight_decay: f32,
    /// Adds a probe of all layers side by side, `all`: `true` pools each layer as its rule does, a number or a list
    /// (one a layer) gives the side of the blocks that are averaged, 0 for the whole map.
    pub all_layers: AllLayers,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            layers: None,
            epochs: None,
            rate: 1e-3,
            halve_at: Vec::new(),
            batch: None,
            augment: 0,
            pooling: Pooling::Mean,
            standardise: None,
            dropout: 0.0,
            weight_decay: 0.0,
            all_layers: AllLayers::default(),
        }
    }
}

impl ProbeConfig {
    /// The same with the older key `standardise` said by `protocol`.
    #[must_use]
    pub(super) fn renamed(self) -> Self {
        let protocol = match self.standardise {
            Some(true) => Protocol::Standardised,
            Some(false) => Protocol::Paper,
            None => self.protocol,
        };
        Self { protocol, standardise: None, ..self }
    }

    /// How one of the probes learns.
    pub fn settings(&self, kind: ProbeKind) -> ProbeSettings {
        ProbeSettings {
            kind,
            epochs: self.epochs.unwrap_or(kind.epochs()),
            rate: self.rate,
            halve_at: self.halve_at.clone(),
            batch: self.batch.unwrap_or(kind.batch()),
            dropout: self.dropout,
            weight_decay: self.weight_decay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::{Table, Value};

    /// The stated defaults are those that are read where a config says nothing, and no key is left out.
    #[test]
    fn stated_defaults_are_those_of_the_code() {
        let training: Training = toml::from_str("epochs = 1").unwrap();
        for (keys, resolved) in [
            (&TRAINING[..], super::super::write::value(&training).unwrap()),
            (&PROBE[..], super::super::write::value(&ProbeConfig::default()).unwrap()),
        ] {
            let Value::Table(resolved) = resolved else { panic!("{resolved}") };
            for name in resolved.keys() {
                assert!(keys.iter().any(|key| key.name == name), "`{name}` is not stated");
            }
            for key in keys.iter().filter(|key| !key.default.is_empty()) {
                let stated = format!("value = {}", key.default).parse::<Table>().unwrap();
                assert_eq!(resolved.get(key.name), stated.get("value"), "{}", key.name);
                let range = key.range().unwrap();
                plasticity_core::keys::check_value(&range, &resolved[key.name]).unwrap();
            }
        }
    }
}
