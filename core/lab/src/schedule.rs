//! Learning rates that change: pure functions of the step, so that a resumed run gives the same bits.

use plasticity_core::registry::Key;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// `schedule`: the factor on a rate at each step: a linear warm-up, then a decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The time in which the rate rises linearly from 0 to its full value; by default there is no warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Span>,
    /// The decay after the warm-up.
    #[serde(default)]
    pub decay: Decay,
    /// The time at which the decay ends, including the warm-up; by default the end of learning. Afterwards the
    /// rate is constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
}

/// A time in passes over the stimuli or in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "expected { epochs = N } or { steps = N }")]
pub enum Span {
    /// Passes over the stimuli.
    Epochs(u64),
    /// Steps.
    Steps(u64),
}

impl Span {
    /// The time in steps, for epochs of `per_epoch` steps.
    pub fn steps(self, per_epoch: u64) -> u64 {
        match self {
            Self::Epochs(epochs) => epochs.saturating_mul(per_epoch),
            Self::Steps(steps) => steps,
        }
    }
}

/// The factor on a rate as a function of t, which grows from 0 at the end of the warm-up to 1 at the end of the decay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decay {
    /// 1.
    #[default]
    Constant,
    /// 1 − (1 − `to`) t.
    Linear {
        /// The factor at the end.
        #[serde(default)]
        to: f32,
    },
    /// `to` + (1 − `to`) (1 + cos π t) / 2 (Loshchilov & Hutter 2017).
    Cosine {
        /// The factor at the end.
        #[serde(default)]
        to: f32,
    },
    /// `factor` to the power of n, where n is the number of shares in `at` that t has reached.
    Step {
        /// Values of t.
        at: Vec<f32>,
        /// The factor at each of them.
        #[serde(default = "tenth")]
        factor: f32,
    },
    /// `to` to the power of t.
    Exponential {
        /// The factor at the end.
        to: f32,
    },
    /// `factor` once for every interval `every` that is over, for any length of the schedule.
    Staircase {
        /// The length of an interval.
        every: Span,
        /// The factor at each of them.
        #[serde(default = "tenth")]
        factor: f32,
    },
}

fn tenth() -> f32 {
    0.1
}

impl Decay {
    /// The factor `after` steps after the warm-up, if the decay has `length` steps and an epoch `per_epoch` steps.
    fn factor(&self, after: u64, length: u64, per_epoch: u64) -> f64 {
        let towards = |to: f32, height: f64| f64::from(to) + (1.0 - f64::from(to)) * height;
        let t = if after < length { after as f64 / length as f64 } else { 1.0 };
        match self {
            Self::Constant => 1.0,
            Self::Linear { to } => towards(*to, 1.0 - t),
            Self::Cosine { to } => towards(*to, (1.0 + (std::f64::consts::PI * t).cos()) / 2.0),
            Self::Step { at, factor } => {
                power(*factor, at.iter().filter(|share| t as f32 >= **share).count() as u64)
            }
            Self::Exponential { to } => f64::from(*to).powf(t),
            Self::Staircase { every, factor } => {
                power(*factor, after.min(length) / every.steps(per_epoch).max(1))
            }
        }
    }
}

fn power(factor: f32, times: u64) -> f64 {
    f64::from(factor).powi(i32::try_from(times).unwrap_or(i32::MAX))
}

/// A schedule in steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    warm_up: u64,
    /// The steps of the decay.
    length: u64,
    per_epoch: u64,
    decay: Decay,
}

impl Schedule {
    /// Checks that a decay has steps, with epochs of `per_epoch` steps. `key` is the schedule's key in the config.
    ///
    /// # Errors
    /// If `over` ends it with the warm-up or before.
    pub fn check(&self, key: &str, per_epoch: u64) -> Result<()> {
        let [warm_up, over] = [self.warm_up, self.over].map(|span| span.map(|span| span.steps(per_epoch)));
        if self.decay == Decay::Constant || over.zip(warm_up).is_none_or(|(over, warm_up)| over > warm_up) {
            return Ok(());
        }
        let message =
            "ends the decay before it begins: `over` counts the warm-up too, so give more than `warm_up`";
        Err(Error::config(format!("{key}.over"), message))
    }

    /// The schedule of a training of `total` steps, with epochs of `per_epoch` steps.
    pub fn rates(&self, per_epoch: u64, total: u64) -> Rates {
        let steps = |span: &Span| span.steps(per_epoch);
        let warm_up = self.warm_up.as_ref().map_or(0, steps);
        let end = self.over.as_ref().map_or(total, steps);
        Rates { warm_up, length: end.saturating_sub(warm_up), per_epoch, decay: self.decay.clone() }
    }
}

impl Rates {
    /// The factor on the rate of the step after `made` steps: (`made` + 1) / w during a warm-up of w steps.
    pub fn factor(&self, made: u64) -> f64 {
        match made.checked_sub(self.warm_up) {
            None => (made + 1) as f64 / self.warm_up as f64,
            Some(after) => self.decay.factor(after, self.length, self.per_epoch),
        }
    }
}

/// The range of a schedule.
macro_rules! range {
    () => {
        "{ warm_up = { epochs = 1.. } | { steps = 1.. }, decay = { type = constant } | { type = linear, to = [0, 1] } | \
         { type = cosine, to = [0, 1] } | { type = step, at = list of [0, 1], factor = (0, 1] } | { type = exponential, to = \
         (0, 1] } | { type = staircase, every = { epochs = 1.. } | { steps = 1.. }, factor = (0, 1] }, over = { epochs = 1.. } \
         | { steps = 1.. } }"
    };
}

/// The key `schedule` of a section that has one.
pub(crate) const fn key(meaning: &'static str) -> Key {
    Key { name: "schedule", default: "", range: range!(), meaning }
}

/// The key `schedule` of a section that has one, or one for each module.
pub(crate) const fn key_of_each(meaning: &'static str) -> Key {
    Key { name: "schedule", default: "", range: concat!(range!(), " | list of ", range!()), meaning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn factors(text: &str, per_epoch: u64, total: u64) -> Vec<f64> {
        let rates = toml::from_str::<Schedule>(text).unwrap().rates(per_epoch, total);
        (0..total).map(|step| rates.factor(step)).collect()
    }

    fn assert_all(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_relative_eq!(*found, *expected, epsilon = 1e-7);
        }
    }

    #[test]
    fn nothing_said_is_a_constant_rate() {
        assert_all(&factors("", 2, 3), &[1.0; 3]);
    }

    /// The values of PyTorch's CosineAnnealingLR(T_max=4, eta_min=0.2) on a rate of 1, by its closed form at 0, π/4, π/2, 3π/4.
    #[test]
    fn a_cosine_falls_as_half_a_wave() {
        let half = 0.5f64.sqrt() / 2.0;
        let expected = [1.0, 0.2 + 0.8 * (0.5 + half), 0.6, 0.2 + 0.8 * (0.5 - half)];
        assert_all(&factors("decay = { type = \"cosine\", to = 0.2 }", 1, 4), &expected);
    }

    #[test]
    fn a_warm_up_rises_to_the_whole_rate_and_the_decay_follows_it() {
        let text = "warm_up = { epochs = 2 }\ndecay = { type = \"linear\" }";
        assert_all(&factors(text, 2, 8), &[0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25]);
        let text = "warm_up = { steps = 9 }\ndecay = { type = \"linear\" }";
        assert_all(&factors(text, 2, 3), &[1.0 / 9.0, 2.0 / 9.0, 3.0 / 9.0]);
    }

    /// PyTorch's MultiStepLR with milestones 4 and 8 of 10.
    #[test]
    fn steps_multiply_by_their_factor_from_their_share_on() {
        let text = "decay = { type = \"step\", at = [0.4, 0.8], factor = 0.5 }";
        assert_all(&factors(text, 1, 10), &[1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
    }

    /// PyTorch's ExponentialLR with γ = 0.01^(1/4): 10^(−1/2) a step.
    #[test]
    fn an_exponential_falls_by_the_same_factor_in_every_step() {
        let found = factors("decay = { type = \"exponential\", to = 0.01 }", 1, 4);
        assert_all(&found, &[1.0, 0.316_227_766, 0.1, 0.031_622_777]);
    }

    /// PyTorch's StepLR(step_size=2, gamma=0.5), after a warm-up of one step; a stair may be an epoch.
    #[test]
    fn a_staircase_falls_every_so_many_steps_however_long_learning_is() {
        let stairs = "decay = { type = \"staircase\", every = { steps = 2 }, factor = 0.5 }";
        assert_all(&factors(stairs, 1, 6), &[1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
        assert_all(&factors(stairs, 1, 3), &[1.0, 1.0, 0.5]);
        let warm = format!("warm_up = {{ steps = 1 }}\n{stairs}\nover = {{ steps = 4 }}");
        assert_all(&factors(&warm, 1, 6), &[1.0, 1.0, 1.0, 0.5, 0.5, 0.5]);
        let epochs = "decay = { type = \"staircase\", every = { epochs = 1 } }";
        assert_all(&factors(epochs, 3, 7), &[1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01]);
    }

    #[test]
    fn a_decay_that_ends_with_its_warm_up_is_refused() {
        let check = |text: &str| toml::from_str::<Schedule>(text).unwrap().check("training.schedule", 4);
        let warm_up = "warm_up = { epochs = 2 }\ndecay = { type = \"linear\" }\n";
        let error = check(&format!("{warm_up}over = {{ steps = 8 }}")).unwrap_err().to_string();
        assert!(error.starts_with("training.schedule.over: ends the decay"), "{error}");
        check(&format!("{warm_up}over = {{ steps = 9 }}")).unwrap();
        check(warm_up).unwrap();
        check("warm_up = { epochs = 2 }\nover = { epochs = 2 }").unwrap();
        check("decay = { type = \"linear\" }\nover = { steps = 1 }").unwrap();
    }

    #[test]
    fn a_decay_can_end_before_learning_does() {
        let text = "warm_up = { steps = 1 }\ndecay = { type = \"cosine\", to = 0.5 }\nover = { epochs = 1 }";
        assert_all(&factors(text, 3, 6), &[1.0, 1.0, 0.75, 0.5, 0.5, 0.5]);
    }

    /// A probe at twice the rate, which is halved from the first step on, gives the same bits as a probe at the rate
    /// itself.
    #[test]
    fn a_probe_learns_by_its_schedule() {
        use crate::config::ProbeConfig;
        use crate::probe::{Labelled, ProbeKind, Task, accuracy};
        use plasticity_core::device::Device;
        use plasticity_core::random::stream;
        let device = Device::open().unwrap();
        let labels: Vec<u32> = (0..90).map(|row| row % 3).collect();
        let values: Vec<f32> =
            (0..90 * 8).map(|at: u32| ((at * at * 31 + at * 7) % 97) as f32 / 97.0).collect();
        let rows = Labelled { values: &values, channels: 8, labels: &labels };
        let read = |rate: f32, schedule: Option<&str>| {
            let schedule = schedule.map(|text| toml::from_str(text).unwrap());
            let config = ProbeConfig { epochs: Some(20), rate, schedule, ..ProbeConfig::default() };
            let settings = config.settings(ProbeKind::Raw);
            let task = Task { classes: 3, train: &[rows], held_out: &[], test: rows };
            accuracy(&settings, &task, &device, &mut stream(3, &[])).unwrap()
        };
        let halved = "decay = { type = \"step\", at = [0.0], factor = 0.5 }";
        assert_eq!(read(2e-2, Some(halved)), read(1e-2, None));
        assert_ne!(
            read(2e-1, Some("decay = { type = \"step\", at = [0.0], factor = 0.001 }")),
            read(2e-1, None)
        );
    }
}
