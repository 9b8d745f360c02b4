//! The config of the optimiser.

use plasticity_core::registry::Key;
use serde::{Deserialize, Serialize};

/// The config of the optimiser. Every module has its own optimiser.
///
/// Below, w are a parameter's values, U is the direction in which they move (minus the gradient, if there is one)
/// and η is the rate: `rate` times the factors of the module, of the layer and of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimiserSpec {
    /// Adam (Kingma & Ba 2015), in PyTorch's form.
    Adam {
        /// Learning rate.
        rate: f32,
        /// Decay of the mean of updates.
        #[serde(default = "beta1")]
        beta1: f32,
        /// Decay of the mean of squared updates.
        #[serde(default = "beta2")]
        beta2: f32,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// Weight decay, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
        /// Whether parameters with a single axis (biases, gains) decay as well.
        #[serde(default = "yes", skip_serializing_if = "is_true")]
        decay_biases: bool,
    },
    /// Adam with separate weight decay (Loshchilov & Hutter 2019), in PyTorch's form: w ← (1 − η · decay) w, then
    /// a step of Adam without weight decay.
    #[serde(rename = "adamw")]
    AdamW {
        /// Learning rate.
        rate: f32,
        /// Decay of the mean of updates.
        #[serde(default = "beta1")]
        beta1: f32,
        /// Decay of the mean of squared updates.
        #[serde(default = "beta2")]
        beta2: f32,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// Weight decay; PyTorch's 0.01.
        #[serde(default = "hundredth")]
        weight_decay: f32,
        /// Whether parameters with a single axis (biases, gains) decay as well.
        #[serde(default = "yes")]
        decay_biases: bool,
    },
    /// Gradient descent with momentum, in PyTorch's form.
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Momentum.
        #[serde(default)]
        momentum: f32,
        /// Weight decay, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
        /// Whether parameters with a single axis (biases, gains) decay as well.
        #[serde(default = "yes", skip_serializing_if = "is_true")]
        decay_biases: bool,
    },
    /// Momentum with a rate for each parameter that depends on its norm (You, Gitman & Ginsburg 2017): λ =
    /// trust ‖w‖ / (‖U‖ + decay ‖w‖), v ← momentum · v + η λ (U − decay · w), w ← w + v. λ is 1 if w or U is
    /// 0, and for biases that do not decay.
    Lars {
        /// Learning rate.
        rate: f32,
        /// Momentum.
        #[serde(default = "beta1")]
        momentum: f32,
        /// Weight decay, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
        /// The factor `trust` of λ.
        #[serde(default = "thousandth")]
        trust: f32,
        /// Whether parameters with a single axis (biases, gains) also decay and have a rate that depends on their norm.
        #[serde(default)]
        decay_biases: bool,
    },
    /// For Hebbian rules: the update divided by its largest entry, with a rate for each neuron that falls as the norm
    /// of its weights approaches 1 (Journé et al. 2023): w_j ← w_j + rate · | ‖w_j‖ − 1 |^power · ΔW_j / max |ΔW|.
    Hebbian {
        /// Learning rate.
        rate: f32,
        /// How fast a neuron's rate falls; 0 keeps it.
        #[serde(default = "half")]
        power: f32,
    },
}

fn half() -> f32 {
    0.5
}
fn beta1() -> f32 {
    0.9
}
fn beta2() -> f32 {
    0.999
}
fn epsilon() -> f32 {
    1e-8
}
fn hundredth() -> f32 {
    0.01
}
fn thousandth() -> f32 {
    0.001
}
fn yes() -> bool {
    true
}
fn is_true(flag: &bool) -> bool {
    *flag
}

impl Default for OptimiserSpec {
    /// The paper's optimiser: Adam at 2e-4.
    fn default() -> Self {
        Self::adam(2e-4, 0.0)
    }
}

impl OptimiserSpec {
    /// The number of averages that are kept for each value that learns.
    pub fn averages(&self) -> u64 {
        match self {
            Self::Adam { .. } | Self::AdamW { .. } => 2,
            Self::Sgd { .. } | Self::Lars { .. } => 1,
            Self::Hebbian { .. } => 0,
        }
    }

    /// Adam with its usual averages.
    pub fn adam(rate: f32, weight_decay: f32) -> Self {
        let (beta1, beta2, epsilon) = (beta1(), beta2(), epsilon());
        Self::Adam { rate, beta1, beta2, epsilon, weight_decay, decay_biases: true }
    }

    /// Its learning rate, without any factor.
    pub fn rate(mut self) -> f32 {
        *self.rate_mut()
    }

    pub(super) fn rate_mut(&mut self) -> &mut f32 {
        let (Self::Adam { rate, .. }
        | Self::AdamW { rate, .. }
        | Self::Sgd { rate, .. }
        | Self::Lars { rate, .. }
        | Self::Hebbian { rate, .. }) = self;
        rate
    }

    /// The same with its rate multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        *self.rate_mut() *= factor;
        self
    }
}

/// The keys of each optimiser, by its `type`.
pub const OPTIMISERS: [(&str, &[Key]); 5] = [
    (
        "adam",
        &[
            RATE,
            BETA1,
            BETA2,
            EPSILON,
            Key::new("weight_decay", "0.0", "≥ 0", DECAY),
            Key::new("decay_biases", "true", FLAG, BIASES),
        ],
    ),
    (
        "adamw",
        &[
            RATE,
            BETA1,
            BETA2,
            EPSILON,
            Key::new(
                "weight_decay",
                "0.01",
                "≥ 0",
                "separate weight decay: w ← (1 − rate · decay) w in each step",
            ),
            Key::new("decay_biases", "true", FLAG, BIASES),
        ],
    ),
    (
        "sgd",
        &[
            RATE,
            Key::new("momentum", "0.0", "[0, 1)", "momentum"),
            Key::new("weight_decay", "0.0", "≥ 0", DECAY),
            Key::new("decay_biases", "true", FLAG, BIASES),
        ],
    ),
    (
        "lars",
        &[
            RATE,
            Key::new("momentum", "0.9", "[0, 1)", "momentum"),
            Key::new("weight_decay", "0.0", "≥ 0", DECAY),
            Key::new(
                "trust",
                "0.001",
                "> 0",
                "the rate of a parameter w with gradient g is multiplied by trust · ‖w‖ / (‖g‖ + \
                 weight_decay · ‖w‖)",
            ),
            Key::new(
                "decay_biases",
                "false",
                FLAG,
                "whether parameters with one axis (biases, gains) also decay and have a rate scaled by their norm",
            ),
        ],
    ),
    (
        "hebbian",
        &[
            RATE,
            Key::new(
                "power",
                "0.5",
                "≥ 0",
                "how fast a neuron's rate falls as the norm of its weights approaches 1; 0: not at all",
            ),
        ],
    ),
];

const RATE: Key = Key::new("rate", "", "> 0", "learning rate");
const BETA1: Key = Key::new("beta1", "0.9", "[0, 1)", "decay of the running average of updates");
const BETA2: Key = Key::new("beta2", "0.999", "[0, 1)", "decay of the running average of squared updates");
const EPSILON: Key =
    Key::new("epsilon", "1e-8", "> 0", "added to the root of the running average of squared updates");
const DECAY: &str = "weight decay, added to the gradient";
const FLAG: &str = "true | false";
const BIASES: &str = "whether parameters with one axis (biases, gains) also decay";
