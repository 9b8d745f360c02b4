//! Optimisers: how far parameters move in the direction of an update.

use plasticity_core::device::Buffer;
use plasticity_core::ops;
use plasticity_core::ops::adam::{AdamStep, AdamTensor};
use plasticity_core::parameter::Parameter;
use plasticity_core::registry::Key;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a config says of the optimiser; every module has one of its own.
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
    },
    /// For Hebbian rules: the update divided by its largest entry, with a rate for each neuron that falls as its weights come
    /// to length 1 (Journé et al. 2023): w_j ← w_j + rate · | ‖w_j‖ − 1 |^power · ΔW_j / max |ΔW|.
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

impl Default for OptimiserSpec {
    /// The paper's: Adam at 2e-4.
    fn default() -> Self {
        Self::Adam { rate: 2e-4, beta1: beta1(), beta2: beta2(), epsilon: epsilon(), weight_decay: 0.0 }
    }
}

impl OptimiserSpec {
    /// Values that are kept for each value that learns.
    pub fn averages(&self) -> u64 {
        match self {
            Self::Adam { .. } => 2,
            Self::Sgd { .. } => 1,
            Self::Hebbian { .. } => 0,
        }
    }

    /// The same with its rate multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        let (Self::Adam { rate, .. } | Self::Sgd { rate, .. } | Self::Hebbian { rate, .. }) = &mut self;
        *rate *= factor;
        self
    }
}

/// The keys of each optimiser, by its `type`.
pub const OPTIMISERS: [(&str, &[Key]); 3] = [
    (
        "adam",
        &[
            key("rate", "", "> 0", "learning rate"),
            key("beta1", "0.9", "[0, 1)", "decay of the mean of updates"),
            key("beta2", "0.999", "[0, 1)", "decay of the mean of squared updates"),
            key("epsilon", "1e-8", "> 0", "added to the root of the mean square"),
            key("weight_decay", "0.0", "≥ 0", "weight decay, added to the gradient"),
        ],
    ),
    (
        "sgd",
        &[
            key("rate", "", "> 0", "learning rate"),
            key("momentum", "0.0", "[0, 1)", "momentum"),
            key("weight_decay", "0.0", "≥ 0", "weight decay, added to the gradient"),
        ],
    ),
    (
        "hebbian",
        &[
            key("rate", "", "> 0", "learning rate"),
            key(
                "power",
                "0.5",
                "≥ 0",
                "how fast a neuron's rate falls as its weights come to length 1; 0 keeps it",
            ),
        ],
    ),
];

const fn key(name: &'static str, default: &'static str, range: &'static str, meaning: &'static str) -> Key {
    Key { name, default, range, meaning }
}

/// An optimiser with its averages, one set a parameter.
#[derive(Debug)]
pub struct Optimiser {
    spec: OptimiserSpec,
    steps: u64,
    averages: Vec<[Buffer; 2]>,
}

impl Optimiser {
    /// An optimiser that has made no step.
    pub fn new(spec: OptimiserSpec) -> Self {
        Self { spec, steps: 0, averages: Vec::new() }
    }

    /// Sets the learning rate from the next step on.
    pub fn set_rate(&mut self, new: f32) {
        let (OptimiserSpec::Adam { rate, .. }
        | OptimiserSpec::Sgd { rate, .. }
        | OptimiserSpec::Hebbian { rate, .. }) = &mut self.spec;
        *rate = new;
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The averages of every learning parameter: for Adam mean and mean square; for SGD velocity (the second is empty).
    pub fn averages(&self) -> &[[Buffer; 2]] {
        &self.averages
    }

    /// Whether it keeps averages of the updates of a parameter.
    pub fn averages_updates(&self) -> bool {
        !matches!(self.spec, OptimiserSpec::Hebbian { .. })
    }

    /// Goes on from saved averages.
    pub fn restore(&mut self, steps: u64, averages: Vec<[Buffer; 2]>) {
        self.steps = steps;
        self.averages = averages;
    }

    /// Moves every parameter that learns in the direction of its update.
    ///
    /// # Errors
    /// Where the updates do not fit the parameters.
    pub fn step(&mut self, mut parameters: Vec<&mut Parameter>, updates: &[Buffer]) -> Result<()> {
        parameters.retain(|parameter| parameter.learns());
        if parameters.len() != updates.len() {
            let message =
                format!("{} parameters learn, but there are {} updates", parameters.len(), updates.len());
            return Err(Error::shape("optimiser", message));
        }
        if self.averages.is_empty() {
            for parameter in &parameters {
                let (device, len) = (parameter.value().device(), parameter.value().len());
                let [first, second] = match self.spec {
                    OptimiserSpec::Adam { .. } => [len, len],
                    OptimiserSpec::Sgd { .. } => [len, 0],
                    OptimiserSpec::Hebbian { .. } => [0, 0],
                };
                self.averages.push([Buffer::zeros(device, first)?, Buffer::zeros(device, second)?]);
            }
        }
        self.steps += 1;
        let moves = parameters.into_iter().zip(updates).zip(&mut self.averages);
        match self.spec {
            OptimiserSpec::Adam { rate, beta1, beta2, epsilon, weight_decay } => {
                let t = self.steps as f64;
                let step = AdamStep {
                    rate: (f64::from(rate) / (1.0 - f64::from(beta1).powf(t))) as f32,
                    beta1,
                    beta2,
                    square_correction: (1.0 / (1.0 - f64::from(beta2).powf(t)).sqrt()) as f32,
                    epsilon,
                    decay: weight_decay,
                };
                let tensors = moves.map(|((parameter, update), [mean, square])| AdamTensor {
                    value: parameter.value_mut(),
                    update,
                    mean,
                    square,
                });
                Ok(ops::adam(step, &mut tensors.collect::<Vec<_>>())?)
            }
            OptimiserSpec::Sgd { rate, momentum, weight_decay } => {
                for ((parameter, update), [velocity, _]) in moves {
                    ops::sgd(rate, momentum, weight_decay, parameter.value_mut(), update, velocity)?;
                }
                Ok(())
            }
            OptimiserSpec::Hebbian { rate, power } => moves
                .into_iter()
                .try_for_each(|((parameter, update), _)| hebbian(parameter, update, rate, power)),
        }
    }
}

/// One step of [`OptimiserSpec::Hebbian`]: a neuron's weights are those of one index of the first public axis.
fn hebbian(parameter: &mut Parameter, update: &Buffer, rate: f32, power: f32) -> Result<()> {
    let (inner, neurons) = parameter.first_axis();
    let (mut weights, update) = (parameter.value().to_vec()?, update.to_vec()?);
    if weights.len() != update.len() || weights.is_empty() {
        let message = format!("an update of {} values for {}", update.len(), weights.len());
        return Err(Error::shape(parameter.name(), message));
    }
    let largest = update.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    // What is no number has to be seen: `max` passes over it.
    let lost = update.iter().find(|value| !value.is_finite());
    let scale = rate / lost.copied().unwrap_or(largest.max(f32::MIN_POSITIVE));
    let mut squares = vec![0.0f64; neurons];
    for (run, weights) in weights.chunks(inner).enumerate() {
        squares[run % neurons] += weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    }
    let factor = |square: &f64| scale * (square.sqrt() as f32 - 1.0).abs().powf(power);
    let factors: Vec<f32> = squares.iter().map(factor).collect();
    for (run, (weights, update)) in weights.chunks_mut(inner).zip(update.chunks(inner)).enumerate() {
        let factor = factors[run % neurons];
        weights.iter_mut().zip(update).for_each(|(weight, update)| *weight += factor * update);
    }
    Ok(parameter.value_mut().copy_from_host(&weights)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use plasticity_core::device::Device;

    fn steps(spec: OptimiserSpec, updates: &[f32]) -> f32 {
        let device = Device::open().unwrap();
        let mut parameter = Parameter::plain(&device, "w", &[1], &[1.0]).unwrap();
        let mut optimiser = Optimiser::new(spec);
        for &update in updates {
            let update = Buffer::from_vec(&device, vec![update]).unwrap();
            optimiser.step(vec![&mut parameter], &[update]).unwrap();
        }
        parameter.get().unwrap()[0]
    }

    /// Worked out by hand in float64: after one step Adam moves by rate · sign, whatever the size of the update.
    #[test]
    fn adam_moves_by_its_rate_at_first() {
        let spec =
            OptimiserSpec::Adam { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        assert_relative_eq!(steps(spec, &[5.0]), 1.1, epsilon = 1e-6);
        // m₂ = (0.9 · 0.5 − 0.1 · 1) / 0.19, v₂ = (0.999 · 0.025 + 0.001) / 0.001999
        let expected = 1.1 + 0.1 * ((0.45 - 0.1) / 0.19) / ((0.999 * 0.025 + 0.001f64) / 0.001_999).sqrt();
        assert_relative_eq!(f64::from(steps(spec, &[5.0, -1.0])), expected, epsilon = 1e-6);
    }

    #[test]
    fn sgd_gathers_momentum_and_decays_weights() {
        let spec = OptimiserSpec::Sgd { rate: 0.1, momentum: 0.5, weight_decay: 0.2 };
        // v₁ = 1 − 0.2 = 0.8, w₁ = 1.08; v₂ = 0.4 + 1 − 0.216 = 1.184, w₂ = 1.1984
        assert_relative_eq!(steps(spec, &[1.0, 1.0]), 1.1984, epsilon = 1e-6);
    }

    #[test]
    fn hebbian_rates_fall_as_neurons_come_to_length_one() {
        let device = Device::open().unwrap();
        // Lengths 5, 1 and 2; the largest entry of the update is 4.
        let mut parameter = Parameter::plain(&device, "w", &[3, 2], &[3.0, 4.0, 1.0, 0.0, 0.0, 2.0]).unwrap();
        let update = Buffer::from_vec(&device, vec![4.0, 0.0, 2.0, 2.0, -2.0, 1.0]).unwrap();
        let mut optimiser = Optimiser::new(OptimiserSpec::Hebbian { rate: 0.1, power: 0.5 });
        optimiser.step(vec![&mut parameter], &[update]).unwrap();
        let expected = [3.2, 4.0, 1.0, 0.0, -0.05, 2.025];
        for (found, expected) in parameter.get().unwrap().into_iter().zip(expected) {
            assert_relative_eq!(found, expected, epsilon = 1e-6);
        }
        let lost = Buffer::from_vec(&device, vec![f32::NAN; 6]).unwrap();
        optimiser.step(vec![&mut parameter], &[lost]).unwrap();
        assert!(parameter.get().unwrap()[0].is_nan());
    }
}
