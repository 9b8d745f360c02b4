//! The sections `[training]` and `[probe]`.

use crate::optimiser::OptimiserSpec;
use crate::probe::{AllLayers, ProbeKind, ProbeSettings, Protocol};
use plasticity_core::device::Precision;
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

/// Beyond, threads take turns on the cores for longer than they compute.
const MOST_THREADS: usize = 1024;

impl Training {
    /// Steps of the whole training.
    pub fn total_steps(&self, per_epoch: u64) -> u64 {
        let all = self.epochs.saturating_mul(per_epoch);
        self.steps.map_or(all, |steps| steps.min(all))
    }

    /// Checks every value's range.
    ///
    /// # Errors
    /// Names the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let (Every::Epochs(every) | Every::Steps(every) | Every::Minutes(every)) = self.checkpoint_every;
        at_least_one("training.epochs", self.epochs)?;
        at_least_one("training.batch", self.batch as u64)?;
        at_least_one("training.checkpoint_every", every)?;
        at_least_one("training.log_every", self.log_every)?;
        at_least_one("training.steps", self.steps.unwrap_or(1))?;
        if let Some(threads) = self.threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
            let message = format!("{threads} is not in [1, {MOST_THREADS}]");
            return Err(Error::config("training.threads", message));
        }
        at_least_one("training.keep", self.keep as u64)?;
        let factors = self.module_rates.iter().flatten();
        if let Some(factor) = factors.copied().find(|factor| !(*factor > 0.0 && factor.is_finite())) {
            return Err(Error::config("training.module_rates", format!("{factor} is not in (0, ∞)")));
        }
        if self.init.is_none() && self.init_layers.is_some() {
            return Err(Error::config("training.init_layers", "is for training.init, which is not given"));
        }
        if let Some(precision) = self.precision.filter(|precision| !Precision::AVAILABLE.contains(precision))
        {
            let message =
                format!("{precision} needs a build with `--features cuda`: this one, for the CPU, has f32");
            return Err(Error::config("training.precision", message));
        }
        self.optimiser.check()
    }
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

/// Each pass is kept in memory.
const MOST_PASSES: usize = 1000;

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

    /// Checks every value's range.
    ///
    /// # Errors
    /// Names the key that is out of range.
    pub fn check(&self) -> Result<()> {
        at_least_one("probe.epochs", self.epochs.unwrap_or(1))?;
        at_least_one("probe.batch", self.batch.unwrap_or(1) as u64)?;
        if let Some(share) = self.halve_at.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Err(Error::config("probe.halve_at", format!("{share} is not in [0, 1]")));
        }
        if self.augment > MOST_PASSES {
            let message = format!("{} is not in [0, {MOST_PASSES}]", self.augment);
            return Err(Error::config("probe.augment", message));
        }
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err(Error::config("probe.rate", format!("{} is not in (0, ∞)", self.rate)));
        }
        if self.pooling == Pooling::Blocks(0) {
            return Err(Error::config("probe.pooling", "blocks of 0 are not in [1, ∞)"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::config("probe.dropout", format!("{} is not in [0, 1)", self.dropout)));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(Error::config(
                "probe.weight_decay",
                format!("{} is not in [0, ∞)", self.weight_decay),
            ));
        }
        Ok(())
    }
}

fn at_least_one(key: &str, value: u64) -> Result<()> {
    if value >= 1 { Ok(()) } else { Err(Error::config(key, format!("{value} is not in [1, ∞)"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_is_out_of_range_names_its_key() {
        let wrong = [
            ("probe.epochs", ProbeConfig { epochs: Some(0), ..ProbeConfig::default() }),
            ("probe.batch", ProbeConfig { batch: Some(0), ..ProbeConfig::default() }),
            ("probe.rate", ProbeConfig { rate: 0.0, ..ProbeConfig::default() }),
            ("probe.augment", ProbeConfig { augment: 1001, ..ProbeConfig::default() }),
            ("probe.pooling", ProbeConfig { pooling: Pooling::Blocks(0), ..ProbeConfig::default() }),
            ("probe.dropout", ProbeConfig { dropout: 1.0, ..ProbeConfig::default() }),
            ("probe.dropout", ProbeConfig { dropout: f32::NAN, ..ProbeConfig::default() }),
            ("probe.weight_decay", ProbeConfig { weight_decay: -1.0, ..ProbeConfig::default() }),
        ];
        for (key, config) in wrong {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{key}: ")), "{error}");
        }
        assert!(ProbeConfig { dropout: 0.5, ..ProbeConfig::default() }.check().is_ok());
    }
}
