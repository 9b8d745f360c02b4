//! What a step draws: negatives, signs, and for whom.

use serde::{Deserialize, Serialize};

/// Where the saccades of a context row come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Negatives {
    /// `count` rows of the predicted slice for each context row, drawn from every time, location and input.
    Random {
        /// Saccades for each row.
        #[serde(default = "sixteen")]
        count: usize,
    },
    /// Another input of the batch.
    OtherSample {
        /// How often another input is drawn.
        #[serde(default, skip_serializing_if = "Each::is_input")]
        each: Each,
        /// Where the target is in the other input.
        #[serde(default, skip_serializing_if = "Landing::is_same")]
        at: Landing,
        /// How many targets in the other input, for a landing at any place.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        count: usize,
    },
    /// Every row of the predicted slice; the score is summed over locations (video).
    All {},
}

/// How often another input is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// Once for every input: the same other input at all places and times.
    #[default]
    Input,
    /// For every place and time of every input.
    Place,
}

/// Where in another input a saccade lands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// At the place and time of the fixation's target.
    #[default]
    Same,
    /// At any place and time of the predicted slice.
    Any,
}

impl Negatives {
    /// One other input of the batch, the same one at all places and times.
    pub const OTHER_SAMPLE: Self = Self::OtherSample { each: Each::Input, at: Landing::Same, count: 1 };
}

impl Each {
    fn is_input(&self) -> bool {
        *self == Self::Input
    }
}

impl Landing {
    fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

/// Which inputs are positives and which are negatives in time-local learning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signs {
    /// Each input is a positive or a negative, with probability ½.
    #[default]
    Drawn,
    /// In the batch, each positive is followed by this many negatives. If these are presentations of one stimulus, each
    /// has another other input.
    Alternate(usize),
}

impl Signs {
    /// The least number of inputs in a batch: with N negatives for a positive, there are N + 1 stimuli that are each
    /// presented N + 1 times. So each negative of a stimulus has a different other stimulus.
    pub fn least_batch(self) -> usize {
        match self {
            Self::Drawn => 2,
            Self::Alternate(_) => self.presentations().saturating_mul(self.presentations()),
        }
    }

    /// How often each stimulus is in its batch. With signs that are drawn it is there once: a second presentation could be
    /// the other input of the first.
    pub fn presentations(self) -> usize {
        match self {
            Self::Drawn => 1,
            Self::Alternate(negatives) => negatives.saturating_add(1),
        }
    }
}

/// Which parts of the network share the drawn signs and other inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawnFor {
    /// The whole network, as in the paper's text: the eye moves once for all modules.
    #[default]
    Network,
    /// Every module, side and (other inputs) prediction step has its own, as in the authors' code.
    Module,
}

fn sixteen() -> usize {
    16
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &usize) -> bool {
    *count == 1
}
