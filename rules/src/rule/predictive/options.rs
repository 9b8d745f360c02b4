//! What a config can say of a predictive rule: shared by `predictive` and every preset of it.

use crate::broadcast::Hinge;
use crate::score::Bilinear;
use plasticity_core::broadcast::BroadcastSpec;
use plasticity_core::plasticity::{ContextSource, Demands};
use plasticity_core::registry::Key;
use plasticity_core::representation::Pooling;
use plasticity_core::score::ScoreSpec;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Where the saccades of a context row come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Negatives {
    /// `count` rows of the predicted slice for each context row, drawn from every time, location and input.
    Random {
        /// Saccades a row.
        #[serde(default = "sixteen")]
        count: usize,
    },
    /// One other input of the batch, the same one at every time and location.
    OtherSample {},
    /// Every row of the predicted slice; the score is summed over locations (video).
    All {},
}

fn sixteen() -> usize {
    16
}

/// The composition of a predictive rule.
#[derive(Debug, Serialize)]
pub struct Options {
    /// K: how many steps ahead a context predicts.
    pub prediction_steps: usize,
    /// Steps between a context and the first target (vision: 1, the overlapping patch).
    pub skip: usize,
    /// Saccades.
    pub negatives: Negatives,
    /// Each input is either a fixation or a saccade, never both.
    pub time_local: bool,
    /// Where the context comes from: `same` or `above`.
    pub context: ContextSource,
    /// Steps of a random window on which modules below the last take their loss; 0: all.
    pub window: usize,
    /// Score of a context and a target.
    pub score: Box<dyn ScoreSpec>,
    /// Modulation of every pair.
    pub broadcast: Box<dyn BroadcastSpec>,
    /// The context's neurons are updated.
    pub update_context: bool,
    /// The prediction weights learn.
    pub learn_prediction: bool,
    /// The dendritic prediction takes part in the update of the target's neurons; without, it is 1.
    pub dendrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prediction_steps: 5,
            skip: 1,
            negatives: Negatives::Random { count: 16 },
            time_local: false,
            context: ContextSource::Same,
            window: 0,
            score: Box::new(Bilinear::default()),
            broadcast: Box::new(Hinge::default()),
            update_context: true,
            learn_prediction: true,
            dendrite: true,
        }
    }
}

impl Options {
    /// What the rule asks of its network.
    pub fn demands(&self) -> Demands {
        Demands::default().with_pooling(self.protocol().pooling()).with_context(self.context)
    }

    /// The options without score and broadcast.
    pub fn protocol(&self) -> Protocol {
        Protocol {
            prediction_steps: self.prediction_steps,
            skip: self.skip,
            negatives: self.negatives.clone(),
            time_local: self.time_local,
            context: self.context,
            window: self.window,
            update_context: self.update_context,
            learn_prediction: self.learn_prediction,
            dendrite: self.dendrite,
        }
    }

    /// Checks which options go together.
    ///
    /// # Errors
    /// Names the key, and the remedy.
    pub fn check(&self) -> Result<()> {
        if self.time_local && matches!(self.negatives, Negatives::All {}) {
            let message =
                "all pairs at once cannot be time-local; use negatives = { type = \"other_sample\" }";
            return Err(Error::config("time_local", message));
        }
        if !matches!(self.context, ContextSource::Same | ContextSource::Above) {
            return Err(Error::config("context", "a predictive rule takes `same` or `above`"));
        }
        Ok(())
    }
}

/// The options without the parts that plugins fill: which rows meet, and what learns.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// See [`Options::prediction_steps`].
    pub prediction_steps: usize,
    /// See [`Options::skip`].
    pub skip: usize,
    /// See [`Options::negatives`].
    pub negatives: Negatives,
    /// See [`Options::time_local`].
    pub time_local: bool,
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
    /// How maps become representations: with all pairs every place stays a location of its own.
    pub fn pooling(&self) -> Pooling {
        match self.negatives {
            Negatives::All {} => Pooling::Keep,
            _ => Pooling::Mean,
        }
    }
}

/// The same keys, each only if the config says it; the rest comes from a preset.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    prediction_steps: Option<usize>,
    skip: Option<usize>,
    negatives: Option<Negatives>,
    time_local: Option<bool>,
    context: Option<ContextSource>,
    window: Option<usize>,
    score: Option<Box<dyn ScoreSpec>>,
    broadcast: Option<Box<dyn BroadcastSpec>>,
    update_context: Option<bool>,
    learn_prediction: Option<bool>,
    dendrite: Option<bool>,
}

impl Overrides {
    /// The options of `preset`, with what the config says in their place.
    pub fn over(self, preset: Options) -> Options {
        Options {
            prediction_steps: self.prediction_steps.unwrap_or(preset.prediction_steps),
            skip: self.skip.unwrap_or(preset.skip),
            negatives: self.negatives.unwrap_or(preset.negatives),
            time_local: self.time_local.unwrap_or(preset.time_local),
            context: self.context.unwrap_or(preset.context),
            window: self.window.unwrap_or(preset.window),
            score: self.score.unwrap_or(preset.score),
            broadcast: self.broadcast.unwrap_or(preset.broadcast),
            update_context: self.update_context.unwrap_or(preset.update_context),
            learn_prediction: self.learn_prediction.unwrap_or(preset.learn_prediction),
            dendrite: self.dendrite.unwrap_or(preset.dendrite),
        }
    }
}

/// The documented keys of a preset with these defaults; the other defaults are the same in all.
pub const fn keys(
    negatives: &'static str,
    time_local: &'static str,
    score: &'static str,
    broadcast: &'static str,
) -> [Key; 11] {
    const fn key(
        name: &'static str,
        default: &'static str,
        range: &'static str,
        meaning: &'static str,
    ) -> Key {
        Key { name, default, range, meaning }
    }
    [
        key("prediction_steps", "5", "1..=65536", "K: how many steps ahead a context predicts"),
        key("skip", "1", "0..=65536", "steps between a context and its first target (vision: 1, speech: 0)"),
        key(
            "negatives",
            negatives,
            "{ type = random, count = 1..=65536 } | { type = other_sample } | { type = all }",
            "saccades of a context: rows drawn from the batch, one other input, or all rows (video)",
        ),
        key(
            "time_local",
            time_local,
            "true | false",
            "each input is either a fixation or a saccade, never both",
        ),
        key("context", "\"same\"", "same | above", "the module whose representation predicts"),
        key(
            "window",
            "0",
            "0.. steps",
            "modules below the last learn from a random window of so many steps, contexts, targets and negatives; 0: all",
        ),
        key("score", score, "a score", "how well a context fits a target"),
        key("broadcast", broadcast, "a broadcast", "from scores to the modulation γ of every pair"),
        key(
            "update_context",
            "true",
            "true | false",
            "false: the context's neurons are not updated (an ablation)",
        ),
        key(
            "learn_prediction",
            "true",
            "true | false",
            "false: the prediction weights stay as drawn (an ablation)",
        ),
        key(
            "dendrite",
            "true",
            "true | false",
            "false: γ·ρ'·pre without dendritic prediction on the target's neurons (an ablation)",
        ),
    ]
}

/// The default score, as documented.
pub const SHARED: &str = "{ type = \"bilinear\", transport = \"shared\" }";
/// A score whose way back learns by itself, as documented.
pub const RETRODICTION: &str = "{ type = \"bilinear\", transport = \"retrodiction\" }";
/// The hinge, as documented.
pub const HINGE: &str = "{ type = \"hinge\", weight = 1.0, gate = true, sign = true }";
/// The softmax, as documented.
pub const SOFTMAX: &str = "{ type = \"softmax\" }";
/// Sixteen random saccades, as documented.
pub const SIXTEEN: &str = "{ type = \"random\", count = 16 }";
/// Another input of the batch, as documented.
pub const OTHER: &str = "{ type = \"other_sample\" }";
