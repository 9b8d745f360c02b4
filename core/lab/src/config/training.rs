//! The section `[training]`.

use super::Every;
use crate::optimiser::OptimiserSpec;
use crate::ranks::Negatives;
use crate::schedule::{self, Schedule, Span};
use crate::training::Pace;
use plasticity_core::device::Precision;
use plasticity_core::plasticity::Each;
use plasticity_core::registry::Key;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[training]`: length, batches and learning rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the stimuli, at least 1.
    pub epochs: u64,
    /// Stimuli in a step, at least 1; the paper's 32.
    #[serde(default = "batch")]
    pub batch: usize,
    /// How often each stimulus is in its batch, at least 1.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub presentations: usize,
    /// The optimiser of every module, or one for each module; the paper's Adam at 2e-4.
    #[serde(default = "optimiser")]
    pub optimiser: Each<OptimiserSpec>,
    /// Factors on the optimiser's rate, one for each module, each above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_rates: Option<Vec<f32>>,
    /// Factors on the optimiser's rate, one for each layer, each above 0, in addition to those of the modules; the
    /// rule's own weights have only the module's factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_rates: Option<Vec<f32>>,
    /// The factor on the rate at each step, for all modules or one for each; by default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Each<Schedule>>,
    /// How long each module learns. One module learns after another, first to last, and the others do not change; by
    /// default all learn together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Vec<Span>>,
    /// Ends training after this many steps, if this is before the end of the last epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// How often a checkpoint is written (and always at the end).
    #[serde(default = "every_epoch")]
    pub checkpoint_every: Every,
    /// The number of last checkpoints that are kept, at least 1. With two, the run survives if the last one is damaged.
    #[serde(default = "keep")]
    pub keep: usize,
    /// The number of best checkpoints that are kept in addition.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_best: usize,
    /// The criterion for the best checkpoints.
    #[serde(default, skip_serializing_if = "is_default")]
    pub best_by: BestBy,
    /// A run's folder, or a checkpoint: a new run starts with its weights and a new optimiser. The rule's own weights
    /// are used if the rule is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// With `init`: only these layers, counted from 1, use its weights; the others and the rule have new weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_layers: Option<Vec<usize>>,
    /// Steps between two recorded losses.
    #[serde(default = "log_every")]
    pub log_every: u64,
    /// Threads for arithmetic, 1 to 1024, and the largest number of loader threads; by default one for each core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The precision of the operands of matrix products and convolutions: `f32` or `bf16`, and on CUDA also `tf32`, the
    /// default there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Ends training after this time without improvement; by default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Patience>,
    /// Whether the records are also written as a table, `metrics.csv`.
    #[serde(default)]
    pub metrics_csv: bool,
    /// How steps are divided among threads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parallel: Parallel,
    /// With several ranks: whether rules see the whole batch or the rank's shard.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negatives: Negatives,
    /// Seconds after which a rank that others wait for counts as hung, at least 1.
    #[serde(default = "rank_limit", skip_serializing_if = "is_rank_limit")]
    pub rank_limit: u64,
}

/// How long training continues without improvement: `{ loss = 5 }` or `{ probe = 5 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "expected { loss = N } or { probe = N }")]
pub enum Patience {
    /// This many epochs in a row whose mean loss is not below the lowest before them.
    Loss(u64),
    /// This many probes in a row (see `probe.every`) whose mean accuracy is not above the highest before them.
    Probe(u64),
}

/// The criterion for the best checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// The mean loss over all modules and all steps since the previous checkpoint: lower is better.
    #[default]
    Loss,
    /// The mean accuracy of the probes of all layers: higher is better.
    Probe,
}

/// How steps are divided among threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parallel {
    /// All threads work on one module after another.
    #[default]
    Data,
    /// Neighbouring modules have separate threads and work on successive batches, with the same bits.
    Pipeline,
    /// The same, but no module waits for a module above it. Modules above a slower one skip batches, and the bits differ
    /// from run to run.
    FreePipeline,
}

impl Parallel {
    /// The pace of the pipeline, if it is one.
    pub fn pace(self) -> Option<Pace> {
        match self {
            Self::Data => None,
            Self::Pipeline => Some(Pace::Exact),
            Self::FreePipeline => Some(Pace::Free),
        }
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
fn rank_limit() -> u64 {
    1800
}
fn is_rank_limit(limit: &u64) -> bool {
    *limit == rank_limit()
}
fn optimiser() -> Each<OptimiserSpec> {
    Each::Same(OptimiserSpec::default())
}
fn batch() -> usize {
    32
}
fn once() -> usize {
    1
}
fn is_once(presentations: &usize) -> bool {
    *presentations == once()
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
    /// Steps of the whole training. It ends when the epochs, the steps or the turns end, whichever is first.
    pub fn total_steps(&self, per_epoch: u64) -> u64 {
        self.end(per_epoch).1
    }

    /// The key that ends training first, and the steps until then.
    pub fn end(&self, per_epoch: u64) -> (&'static str, u64) {
        let of_turns = |turns: &Vec<Span>| {
            turns.iter().fold(0_u64, |sum, turn| sum.saturating_add(turn.steps(per_epoch)))
        };
        let epochs = ("training.epochs", self.epochs.saturating_mul(per_epoch));
        let steps = self.steps.map(|steps| ("training.steps", steps));
        let turns = self.turns.as_ref().map(|turns| ("training.turns", of_turns(turns)));
        let others = [steps, turns].into_iter().flatten();
        others.fold(epochs, |first, other| if other.1 < first.1 { other } else { first })
    }

    /// Checks that lists with a value for each module have `modules` values.
    ///
    /// # Errors
    /// If one has more or fewer; the error names the key.
    pub(super) fn check_modules(&self, modules: usize) -> Result<()> {
        self.optimiser.check("training.optimiser", modules)?;
        self.schedule.iter().try_for_each(|schedule| schedule.check("training.schedule", modules))?;
        match self.turns.as_ref().filter(|turns| turns.len() != modules) {
            Some(turns) => {
                let message =
                    format!("{} turns for {modules} modules: give one for each module", turns.len());
                Err(Error::config("training.turns", message))
            }
            None => Ok(()),
        }
    }

    /// Checks what depends on the build.
    ///
    /// # Errors
    /// If the device does not have the precision, or `init_layers` is given without `init` or is empty.
    pub(super) fn check(&self) -> Result<()> {
        if self.init.is_none() && self.init_layers.is_some() {
            return Err(Error::config("training.init_layers", "needs training.init, which is missing"));
        }
        if self.init_layers.as_ref().is_some_and(Vec::is_empty) {
            let message = "names no layer: name one or more, or leave it out to use the weights of all";
            return Err(Error::config("training.init_layers", message));
        }
        self.check_free_pipeline()?;
        match self.precision.filter(|precision| !Precision::AVAILABLE.contains(precision)) {
            Some(precision) => {
                let message = format!(
                    "{precision} needs a build with `--features cuda`: this build for the CPU has f32 and bf16"
                );
                Err(Error::config("training.precision", message))
            }
            None => Ok(()),
        }
    }

    /// Refuses settings that are impossible if modules skip batches.
    fn check_free_pipeline(&self) -> Result<()> {
        if self.parallel != Parallel::FreePipeline {
            return Ok(());
        }
        let refuse = |message: &str| Err(Error::config("training.parallel", message));
        if self.turns.is_some() {
            return refuse(
                "modules of a free_pipeline learn from different numbers of batches, but training.turns gives each a number: leave \
                 out training.turns, or use \"pipeline\"",
            );
        }
        if self.keep_best > 0 && self.best_by == BestBy::Loss {
            return refuse(
                "modules of a free_pipeline skip batches, but training.keep_best needs the losses of every batch: use best_by = \
                 \"probe\" or parallel = \"pipeline\"",
            );
        }
        Ok(())
    }
}

/// The keys of `[training]`.
pub const TRAINING: [Key; 23] = [
    Key::new("epochs", "", "1..", "passes over the stimuli; required"),
    Key::new("batch", "32", "1..", "stimuli in each step; the paper has 32"),
    Key::new(
        "presentations",
        "1",
        "1..",
        "how often each stimulus is in its batch, with the same augmentation; `batch` counts each of these presentations. The rule \
         `clapp_paired` is made for 2: one presentation is a positive, the next a negative",
    ),
    Key::new(
        "optimiser",
        "{ type = \"adam\", rate = 0.0002, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }",
        "any",
        "the optimiser of every module, or a list with one for each module, with the keys below; the paper uses Adam at 2e-4",
    ),
    Key::new("module_rates", "", "list of > 0", "factors on the optimiser's rate, one for each module"),
    Key::new(
        "layer_rates",
        "",
        "list of > 0",
        "factors on the optimiser's rate, one for each layer, in addition to those of the modules; the rule's \
         own weights have only the module's factor",
    ),
    schedule::key_of_each(
        "factor on the rate at each step, for all modules or one for each; with `turns`, the steps are those of the module's turn; \
         left out: 1",
    ),
    Key::new(
        "turns",
        "",
        "list of { epochs = 1.., steps = 1.. }",
        "how long each module learns: `{ epochs = N }` or `{ steps = N }`. One module learns after another, first to last; the others \
         do not change. Training ends with the last turn, if this is before the end of the last epoch; left out: all learn together",
    ),
    Key::new(
        "init",
        "",
        "any",
        "a run's folder or a checkpoint: a new run starts with its weights and a new optimiser. The rule's own \
         weights are used if the rule is the same",
    ),
    Key::new(
        "init_layers",
        "",
        "list of 1..",
        "with `init`: only these layers use its weights; the others and the rule have new weights",
    ),
    Key::new(
        "steps",
        "",
        "1..",
        "ends training after this many steps, if this is before the end of the last epoch",
    ),
    Key::new(
        "checkpoint_every",
        "{ epochs = 1 }",
        "{ epochs = 1.. } | { steps = 1.. } | { minutes = 1.. }",
        "how often to write a checkpoint (and always at the end)",
    ),
    Key::new(
        "keep",
        "2",
        "1..",
        "how many of the last checkpoints to keep; with two, the run survives if the last one is damaged",
    ),
    Key::new("keep_best", "", "0..", "how many of the best checkpoints to keep as well; left out: none"),
    Key::new(
        "best_by",
        "",
        "loss | probe",
        "which checkpoint is the best. `loss` (default): the one with the lowest mean loss over the steps \
         since the previous checkpoint. `probe`: the one with the highest mean probe accuracy over all \
         layers, which are probed at every checkpoint",
    ),
    Key::new("log_every", "20", "1.. steps", "steps between two recorded losses"),
    Key::new(
        "threads",
        "",
        "1..=1024",
        "threads for arithmetic, and the largest number of loader threads. The limit is 16, or four for each core if \
         that is more; a larger number is lowered to it; left out: one for each core, but at most 4 loader threads",
    ),
    Key::new(
        "precision",
        "",
        "f32 | tf32 | bf16",
        "precision of the operands of matrix products and convolutions: `f32` or `bf16`, and on CUDA also `tf32` \
         (default there)",
    ),
    Key::new(
        "patience",
        "",
        "{ loss = 1.. } | { probe = 1.. }",
        "ends training after this many epochs in a row without a new lowest mean loss (`loss`), or after this many \
         probes during training (`probe.every`) in a row without a new highest mean accuracy (`probe`); left out: \
         never",
    ),
    Key::new("metrics_csv", "false", "true | false", "also writes the records as a table, `metrics.csv`"),
    Key::new(
        "parallel",
        "",
        "data | pipeline | free_pipeline",
        "`data`: all threads work on one module after another (default). `pipeline`: neighbouring modules \
         have separate threads and work on successive batches; the result has the same bits as with \
         `data`. It is not for rules whose modules need a module above them. `free_pipeline`: the same, but no \
         module waits for a slower one above it; the slower one skips batches, and the bits differ from run to run",
    ),
    Key::new(
        "negatives",
        "",
        "global | shard",
        "with several ranks: `global` (default): rules see the whole batch, so updates equal those of one rank up to rounding. \
         `shard`: rules see only the shard of their rank, each rank has its own draws, and the ranks average their updates",
    ),
    Key::new(
        "rank_limit",
        "",
        "1.. seconds",
        "with several ranks: if the others wait longer than this for a rank, it counts as hung, and all ranks end; must be longer \
         than a probe during training; left out: 1800",
    ),
];
