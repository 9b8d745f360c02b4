//! The section `[training]`.

use super::Every;
use crate::optimiser::OptimiserSpec;
use crate::schedule::{self, Schedule, Span};
use plasticity_core::device::Precision;
use plasticity_core::plasticity::Each;
use plasticity_core::registry::Key;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[training]`: how long, in which batches, how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the stimuli, at least 1.
    pub epochs: u64,
    /// Stimuli in a step, at least 1; the paper's 32.
    #[serde(default = "batch")]
    pub batch: usize,
    /// The optimiser of every module, or one a module; the paper's Adam at 2e-4.
    #[serde(default = "optimiser")]
    pub optimiser: Each<OptimiserSpec>,
    /// Factors on the optimiser's rate, one a module, each above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_rates: Option<Vec<f32>>,
    /// Factors on the optimiser's rate, one a layer, each above 0, beside those of the modules; the rule's own weights have
    /// that of the module alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_rates: Option<Vec<f32>>,
    /// What the rate is multiplied by, step by step, in every module or one a module; by default it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Each<Schedule>>,
    /// How long each module learns, one after the other, first to last, while the others stay as they are; by default all
    /// learn together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Vec<Span>>,
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
    /// Operands of matrix products and convolutions: `f32` or `bf16`, and on CUDA `tf32`, which is used there if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Ends training where it has not become better for so long; by default it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Patience>,
    /// Whether what is recorded is kept as a table, `metrics.csv`, as well.
    #[serde(default)]
    pub metrics_csv: bool,
}

/// How long a training goes on without becoming better: `{ loss = 5 }` or `{ probe = 5 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "expected { loss = N } or { probe = N }")]
pub enum Patience {
    /// So many epochs in a row whose mean loss is not below the lowest before them.
    Loss(u64),
    /// So many probes in a row (see `probe.every`) whose mean accuracy is not above the highest before them.
    Probe(u64),
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

fn is_zero(count: &usize) -> bool {
    *count == 0
}
fn is_default(best_by: &BestBy) -> bool {
    *best_by == BestBy::default()
}
fn optimiser() -> Each<OptimiserSpec> {
    Each::Same(OptimiserSpec::default())
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
    /// Steps of the whole training: it ends with the first to end of epochs, steps and turns.
    pub fn total_steps(&self, per_epoch: u64) -> u64 {
        let all = self.epochs.saturating_mul(per_epoch);
        let of_turns = |turns: &Vec<Span>| {
            turns.iter().fold(0_u64, |sum, turn| sum.saturating_add(turn.steps(per_epoch)))
        };
        let ends = [self.steps, self.turns.as_ref().map(of_turns)];
        ends.into_iter().flatten().fold(all, u64::min)
    }

    /// Checks that what is given for each module is there for each of so many.
    ///
    /// # Errors
    /// Names the key that has more or fewer.
    pub(super) fn check_modules(&self, modules: usize) -> Result<()> {
        self.optimiser.check("training.optimiser", modules)?;
        self.schedule.iter().try_for_each(|schedule| schedule.check("training.schedule", modules))?;
        match self.turns.as_ref().filter(|turns| turns.len() != modules) {
            Some(turns) => {
                let message = format!("{} turns for {modules} modules: give one a module", turns.len());
                Err(Error::config("training.turns", message))
            }
            None => Ok(()),
        }
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
                    "{precision} needs a build with `--features cuda`: this one, for the CPU, has f32 and bf16"
                );
                Err(Error::config("training.precision", message))
            }
            None => Ok(()),
        }
    }
}

/// The keys of `[training]`.
pub const TRAINING: [Key; 19] = [
    key("epochs", "", "1..", "passes over the stimuli"),
    key("batch", "32", "1..", "stimuli in a step; the paper's 32"),
    key(
        "optimiser",
        "{ type = \"adam\", rate = 0.0002, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }",
        "any",
        "the optimiser of every module, or a list of one a module, with the keys below; the paper's Adam at 2e-4",
    ),
    key("module_rates", "", "list of > 0", "factors on the optimiser's rate, one a module"),
    key(
        "layer_rates",
        "",
        "list of > 0",
        "factors on the optimiser's rate, one a layer, beside those of the modules; the rule's own weights have that of the \
         module alone",
    ),
    schedule::key_of_each(
        "what the rate is multiplied by, step by step, in every module or in each; with `turns` the steps are those of the \
         module's turn; left out: 1",
    ),
    key(
        "turns",
        "",
        "list of { epochs = 1.., steps = 1.. }",
        "how long each module learns, one after the other, first to last, while the others stay as they are; training ends \
         with the last turn, if that is before the last epoch's end; left out: all learn together",
    ),
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
        "operands of matrix products and convolutions: `f32` or `bf16`, and on CUDA `tf32`, which is used there if none is given",
    ),
    key(
        "patience",
        "",
        "{ loss = 1.. } | { probe = 1.. }",
        "ends training after so many epochs in a row whose mean loss is not below the lowest before them, or so many probes \
         in a row (`probe.every`) whose mean accuracy is not above the highest before them; left out: it goes on to its end",
    ),
    key(
        "metrics_csv",
        "false",
        "true | false",
        "whether what is recorded is kept as a table, `metrics.csv`, as well",
    ),
];

const fn key(name: &'static str, default: &'static str, range: &'static str, meaning: &'static str) -> Key {
    Key { name, default, range, meaning }
}
