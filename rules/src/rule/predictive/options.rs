//! The config keys of predictive rules, shared by `predictive` and its presets.

use super::drawn::{DrawnFor, Each, Landing, Negatives, Signs};
use crate::broadcast::Hinge;
use crate::rule::views::Pool;
use crate::score::Bilinear;
use plasticity_core::broadcast::BroadcastSpec;
use plasticity_core::plasticity::{self, ContextSource, Demands};
use plasticity_core::registry::Key;
use plasticity_core::representation::Pooling;
use plasticity_core::score::{ScoreSpec, Transport};
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The number of prediction steps: one for all modules, or one for each, such as more for higher layers.
pub type PredictionSteps = plasticity::Each<usize>;

/// The parts and settings of a predictive rule.
#[derive(Debug, Serialize)]
pub struct Options {
    /// K: how many steps ahead a context predicts.
    pub prediction_steps: PredictionSteps,
    /// Steps between a context and the first target (vision: 1, the overlapping patch).
    pub skip: usize,
    /// Saccades.
    pub negatives: Negatives,
    /// Which parts of the network share signs and other inputs.
    pub draws: DrawnFor,
    /// Side of the blocks of a map whose means the score sees; 0: the mean over the whole map.
    pub pool: Pool,
    /// Each input is either a fixation or a saccade, never both.
    pub time_local: bool,
    /// With `time_local`: which inputs are fixations; `None`: [`Signs::Drawn`]. `None` is not written, so only a preset
    /// without signs of its own may have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs: Option<Signs>,
    /// Where the context comes from: `same` or `above`.
    pub context: ContextSource,
    /// Number of steps of the random window from which modules below the last compute their loss; 0: all steps.
    pub window: usize,
    /// Score of a context and a target.
    pub score: Box<dyn ScoreSpec>,
    /// Modulation of every pair.
    pub broadcast: Box<dyn BroadcastSpec>,
    /// W_retro starts as W_predᵀ.
    pub twins: bool,
    /// The context's neurons are updated.
    pub update_context: bool,
    /// The prediction weights learn.
    pub learn_prediction: bool,
    /// Whether the update of the target's neurons contains the dendritic prediction; if not, 1 replaces it.
    pub dendrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prediction_steps: PredictionSteps::Same(5),
            skip: 1,
            negatives: Negatives::Random { count: 16 },
            draws: DrawnFor::Network,
            pool: Pool::Same(0),
            time_local: false,
            signs: None,
            context: ContextSource::Same,
            window: 0,
            score: Box::new(Bilinear::default()),
            broadcast: Box::new(Hinge::default()),
            twins: false,
            update_context: true,
            learn_prediction: true,
            dendrite: true,
        }
    }
}

impl Options {
    /// What the rule needs from its network.
    pub fn demands(&self) -> Demands {
        let poolings = match self.negatives {
            Negatives::All {} => vec![Pooling::Keep],
            _ => self.pool.poolings(),
        };
        let mut demands = Demands::default().with_pooling_of_each(poolings).with_context(self.context);
        if matches!(self.negatives, Negatives::OtherSample { .. }) {
            demands.least_batch = self.signs().least_batch();
            demands.presentations = Some(self.signs().presentations());
            // Of two views, one could be the other input of the other.
            demands = demands.with_views(1);
        }
        demands
    }

    /// Which inputs are fixations.
    pub fn signs(&self) -> Signs {
        self.signs.unwrap_or_default()
    }

    /// The options of a module (from 0) without score and broadcast.
    pub fn protocol(&self, module: usize) -> Protocol {
        Protocol {
            prediction_steps: self.prediction_steps.get(module).copied().unwrap_or(1),
            skip: self.skip,
            negatives: self.negatives.clone(),
            draws: self.draws,
            time_local: self.time_local,
            signs: self.signs(),
            context: self.context,
            window: self.window,
            update_context: self.update_context,
            learn_prediction: self.learn_prediction,
            dendrite: self.dendrite,
        }
    }

    /// Checks that the options fit each other.
    ///
    /// # Errors
    /// If they do not; the error names the key and the remedy.
    pub fn check(&self) -> Result<()> {
        if self.time_local && matches!(self.negatives, Negatives::All {}) {
            let message =
                "needs negatives = { type = \"other_sample\" }; type = \"all\" cannot be time-local";
            return Err(Error::config("time_local", message));
        }
        if self.time_local && !self.broadcast.time_local() {
            let message = format!(
                "`{}` compares a positive with its negatives, so it cannot be time-local: use another broadcast, or \
                 time_local = false",
                self.broadcast.typetag_name()
            );
            return Err(Error::config("broadcast", message));
        }
        let by_input = matches!(self.negatives, Negatives::OtherSample { each: Each::Input, .. });
        if self.signs() == Signs::Alternate(0) {
            return Err(Error::config("signs.alternate", "needs at least one negative, got 0"));
        }
        if self.signs() != Signs::Drawn && !(self.time_local && by_input) {
            let message = "`alternate` needs time_local = true and negatives = { type = \"other_sample\", each = \"input\" }";
            return Err(Error::config("signs", message));
        }
        if matches!(self.negatives, Negatives::OtherSample { at: Landing::Same, count: 2.., .. }) {
            let message = "several targets in the other input need at = \"any\"";
            return Err(Error::config("negatives.count", message));
        }
        if matches!(self.negatives, Negatives::All {}) && self.pool != Pool::Same(0) {
            let message =
                "negatives = { type = \"all\" } keeps every place in the score already: remove this key";
            return Err(Error::config("pool", message));
        }
        if self.twins && self.score.transport() != Transport::Retrodiction {
            let message = "needs a score with separate retrodiction weights: score = { type = \"w_retro\" }";
            return Err(Error::config("twins", message));
        }
        if self.twins && self.draws == DrawnFor::Module {
            let message = "with `module`, W_pred and W_retro see different pairs, so `twins` do not stay alike: use \
                           draws = \"network\", or twins = false";
            return Err(Error::config("draws", message));
        }
        if !matches!(self.context, ContextSource::Same | ContextSource::Above) {
            return Err(Error::config("context", "a predictive rule takes `same` or `above`"));
        }
        Ok(())
    }
}

/// The options without score and broadcast: which rows are compared, and what learns.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// See [`Options::prediction_steps`].
    pub prediction_steps: usize,
    /// See [`Options::skip`].
    pub skip: usize,
    /// See [`Options::negatives`].
    pub negatives: Negatives,
    /// See [`Options::draws`].
    pub draws: DrawnFor,
    /// See [`Options::time_local`].
    pub time_local: bool,
    /// See [`Options::signs`].
    pub signs: Signs,
    /// See [`Options::context`].
    pub context: ContextSource,
    /// See [`Options::window`].
    pub window: usize,
    /// See [`Options::update_context`].
    pub update_context: bool,
    /// See [`Options::learn_prediction`].
    pub learn_prediction: bool,
    /// See [`Options::dendrite`].
    pub dendrite: bool,
}

impl Protocol {
    /// Whether the representation keeps every place as a location: if all pairs are compared, whose scores are
    /// summed over locations.
    pub fn keeps_places(&self) -> bool {
        matches!(self.negatives, Negatives::All {})
    }
}

/// The same keys, each only if the config sets it; a preset gives the others.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    prediction_steps: Option<PredictionSteps>,
    skip: Option<usize>,
    negatives: Option<Negatives>,
    draws: Option<DrawnFor>,
    pool: Option<Pool>,
    time_local: Option<bool>,
    signs: Option<Signs>,
    context: Option<ContextSource>,
    window: Option<usize>,
    score: Option<Box<dyn ScoreSpec>>,
    broadcast: Option<Box<dyn BroadcastSpec>>,
    twins: Option<bool>,
    update_context: Option<bool>,
    learn_prediction: Option<bool>,
    dendrite: Option<bool>,
}

impl Overrides {
    /// The options of `preset`, overridden by the config.
    pub fn over(self, preset: Options) -> Options {
        let unwritten = preset.signs.is_none().then_some(Signs::Drawn);
        Options {
            prediction_steps: self.prediction_steps.unwrap_or(preset.prediction_steps),
            skip: self.skip.unwrap_or(preset.skip),
            negatives: self.negatives.unwrap_or(preset.negatives),
            draws: self.draws.unwrap_or(preset.draws),
            pool: self.pool.unwrap_or(preset.pool),
            time_local: self.time_local.unwrap_or(preset.time_local),
            signs: self.signs.filter(|&signs| Some(signs) != unwritten).or(preset.signs),
            context: self.context.unwrap_or(preset.context),
            window: self.window.unwrap_or(preset.window),
            score: self.score.unwrap_or(preset.score),
            broadcast: self.broadcast.unwrap_or(preset.broadcast),
            twins: self.twins.unwrap_or(preset.twins),
            update_context: self.update_context.unwrap_or(preset.update_context),
            learn_prediction: self.learn_prediction.unwrap_or(preset.learn_prediction),
            dendrite: self.dendrite.unwrap_or(preset.dendrite),
        }
    }
}

/// The documented keys of a preset with these defaults; all presets share the other defaults.
pub const fn keys(
    negatives: &'static str,
    time_local: &'static str,
    signs: &'static str,
    score: &'static str,
    broadcast: &'static str,
    twins: &'static str,
) -> [Key; 15] {
    [
        Key::new(
            "prediction_steps",
            "5",
            "1..=65536 | list of 1..=65536",
            "K: number of prediction steps, one for all modules or one for each module",
        ),
        Key::new(
            "skip",
            "1",
            "0..=65536",
            "steps between a context and its first target (vision: 1, speech: 0)",
        ),
        Key::new(
            "negatives",
            negatives,
            "{ type = random, count = 1..=65536 } | { type = other_sample, each = input | place, at = same | any, count = 1..=65536 } | { type = all }",
            "negatives of a context. random: `count` targets, drawn from the whole batch. all: the targets \
             of all other contexts of the batch (video). other_sample: one target in another input, that is \
             in another stimulus of the batch. `each`: this other input is drawn once for a whole input \
             (default), or for each place and time. `at`: the target has the place and time of the positive \
             (default), or any. `count`: with `any`, the number of targets in it (default 1)",
        ),
        Key::new(
            "draws",
            "\"network\"",
            "network | module",
            "who shares the random choices of a training step: the signs (positive or negative) and the other \
             inputs (for negatives). network: all modules share them, as in the paper's text. module, as in \
             the authors' code: each module has random choices of its own. They are separate for W_pred and \
             for W_retro, and the other inputs also for each prediction step",
        ),
        Key::new(
            "pool",
            "0",
            "0.. | list of 0..",
            "side of the blocks of a map whose means are the score's inputs, one for all modules or one for \
             each module; rows and columns past the last whole block are left out; 0: the mean over the whole \
             map",
        ),
        Key::new(
            "time_local",
            time_local,
            "true | false",
            "each input is either a positive or a negative, never both",
        ),
        Key::new(
            "signs",
            signs,
            "drawn | { alternate = 1..=65536 }",
            "with `time_local`: the sign of each input. drawn: positive or negative, with probability ½. \
             `{ alternate = N }`: in the batch, each positive is followed by N negatives. With \
             `training.presentations` = N + 1, these are the presentations of one stimulus, and each of its \
             negatives has a different other input. So a batch needs (N + 1)² inputs or more",
        ),
        Key::new("context", "\"same\"", "same | above", "the module whose representation predicts"),
        Key::new(
            "window",
            "0",
            "0.. steps",
            "modules below the last learn from a random window of this many steps (contexts, targets and \
             negatives); 0: all steps",
        ),
        Key::new("score", score, "a score", "how well a context fits a target"),
        Key::new(
            "broadcast",
            broadcast,
            "a broadcast",
            "computes the modulator γ of every pair from its score",
        ),
        Key::new(
            "twins",
            twins,
            "true | false",
            "true: W_retro starts as W_predᵀ. The two then stay equal if both see the same factors. They do not with \
             random negatives, which are drawn for each of them",
        ),
        Key::new(
            "update_context",
            "true",
            "true | false",
            "false: neurons do not learn from their role as context (an ablation)",
        ),
        Key::new(
            "learn_prediction",
            "true",
            "true | false",
            "false: the prediction weights keep their initial values (an ablation)",
        ),
        Key::new(
            "dendrite",
            "true",
            "true | false",
            "false: γ·ρ'·pre without the dendritic prediction on the target's neurons (an ablation)",
        ),
    ]
}

/// Sixteen targets in another input, as documented.
pub const OTHER_PLACES: &str = "{ type = \"other_sample\", at = \"any\", count = 16 }";
/// Signs that alternate, as documented.
pub const ALTERNATE: &str = "{ alternate = 1 }";
/// Signs that are drawn, as documented.
pub const DRAWN: &str = "\"drawn\"";
/// The default score, as documented.
pub const SHARED: &str = "{ type = \"bilinear\", transport = \"shared\" }";
/// The score with separate retrodiction weights, as documented.
pub const RETRODICTION: &str = "{ type = \"bilinear\", transport = \"retrodiction\" }";
/// The hinge, as documented.
pub const HINGE: &str = "{ type = \"hinge\", weight = 1.0, gate = true, sign = true }";
/// The softmax, as documented.
pub const SOFTMAX: &str = "{ type = \"softmax\" }";
/// Sixteen random saccades, as documented.
pub const SIXTEEN: &str = "{ type = \"random\", count = 16 }";
/// Another input of the batch, as documented.
pub const OTHER: &str = "{ type = \"other_sample\" }";
