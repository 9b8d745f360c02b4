//! Optimisers: they determine how far parameters move in the direction of an update.

mod hebbian;
mod lars;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{OPTIMISERS, OptimiserSpec};

use plasticity_core::device::Buffer;
use plasticity_core::ops;
use plasticity_core::ops::adam::{AdamStep, AdamTensor};
use plasticity_core::parameter::Parameter;
use plasticity_core::{Error, Result};

/// An optimiser with its averages, one set for each parameter.
#[derive(Debug)]
pub struct Optimiser {
    spec: OptimiserSpec,
    /// The schedule's factor on the rate.
    factor: f64,
    steps: u64,
    averages: Vec<[Buffer; 2]>,
}

/// A parameter that moves in a step, with its factor on the rate, its update and its averages.
struct Move<'a> {
    parameter: &'a mut Parameter,
    factor: f64,
    update: &'a Buffer,
    averages: &'a mut [Buffer; 2],
}

impl Move<'_> {
    /// The weight decay of the parameter; 0 if it has a single axis and such parameters do not decay.
    fn decay(&self, decay: f32, biases: bool) -> f32 {
        if biases || self.parameter.shape().len() > 1 { decay } else { 0.0 }
    }
}

impl Optimiser {
    /// An optimiser that has made no step.
    pub fn new(spec: OptimiserSpec) -> Self {
        Self { spec, factor: 1.0, steps: 0, averages: Vec::new() }
    }

    /// Sets the learning rate from the next step on.
    pub fn set_rate(&mut self, rate: f32) {
        *self.spec.rate_mut() = rate;
    }

    /// From the next step on, multiplies the learning rate by `factor`, which replaces earlier factors.
    pub fn scale_rate(&mut self, factor: f64) {
        self.factor = factor;
    }

    /// The learning rate, without the schedule's factor.
    pub fn rate(&self) -> f32 {
        self.spec.rate()
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The averages of every learning parameter: for Adam and AdamW mean and mean square; for SGD and LARS velocity (the
    /// second is empty).
    pub fn averages(&self) -> &[[Buffer; 2]] {
        &self.averages
    }

    /// Whether it keeps averages of the updates of a parameter.
    pub fn averages_updates(&self) -> bool {
        self.spec.averages() > 0
    }

    /// Restores saved averages.
    pub fn restore(&mut self, steps: u64, averages: Vec<[Buffer; 2]>) {
        self.steps = steps;
        self.averages = averages;
    }

    /// Moves every parameter that learns in the direction of its update.
    ///
    /// # Errors
    /// If the updates do not fit the parameters.
    pub fn step(&mut self, parameters: Vec<&mut Parameter>, updates: &[Buffer]) -> Result<()> {
        self.step_each(parameters.into_iter().map(|parameter| (parameter, 1.0)).collect(), updates)
    }

    /// [`step`](Self::step) with a factor on the rate for each parameter.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_each(
        &mut self,
        mut parameters: Vec<(&mut Parameter, f32)>,
        updates: &[Buffer],
    ) -> Result<()> {
        parameters.retain(|(parameter, _)| parameter.learns());
        if parameters.len() != updates.len() {
            let message =
                format!("{} parameters learn, but there are {} updates", parameters.len(), updates.len());
            return Err(Error::shape("optimiser", message));
        }
        if self.averages.is_empty() {
            let kept = self.spec.averages() as usize;
            for (parameter, _) in &parameters {
                let (device, len) = (parameter.value().device(), parameter.value().len());
                let average = |which: usize| Buffer::zeros(device, if which < kept { len } else { 0 });
                self.averages.push([average(0)?, average(1)?]);
            }
        }
        self.steps += 1;
        let moves = parameters.into_iter().zip(updates).zip(&mut self.averages);
        let factor = self.factor;
        let moves = moves.map(|(((parameter, own), update), averages)| Move {
            parameter,
            factor: factor * f64::from(own),
            update,
            averages,
        });
        self.spec.step(self.steps, moves.collect())
    }
}

impl OptimiserSpec {
    /// One step, the `steps`-th, counted from 1.
    fn step(self, steps: u64, moves: Vec<Move>) -> Result<()> {
        let rate = f64::from(self.rate());
        match self {
            Self::Adam { beta1, beta2, epsilon, weight_decay, decay_biases, .. } => {
                let step = AdamStep { rate: 0.0, beta1, beta2, square_correction: 1.0, epsilon, decay: 0.0 };
                adam(step, steps, rate, moves, |one| one.decay(weight_decay, decay_biases))
            }
            Self::AdamW { beta1, beta2, epsilon, weight_decay, decay_biases, .. } => {
                let mut moves = moves;
                for one in &mut moves {
                    let decay = f64::from(one.decay(weight_decay, decay_biases));
                    if decay > 0.0 {
                        let kept = (1.0 - rate * one.factor * decay) as f32;
                        ops::scale(one.parameter.value_mut(), kept)?;
                    }
                }
                let step = AdamStep { rate: 0.0, beta1, beta2, square_correction: 1.0, epsilon, decay: 0.0 };
                adam(step, steps, rate, moves, |_| 0.0)
            }
            Self::Sgd { momentum, weight_decay, decay_biases, .. } => moves.into_iter().try_for_each(|one| {
                let (rate, decay) = ((rate * one.factor) as f32, one.decay(weight_decay, decay_biases));
                let Move { parameter, update, averages: [velocity, _], .. } = one;
                Ok(ops::sgd(rate, momentum, decay, parameter.value_mut(), update, velocity)?)
            }),
            Self::Lars { momentum, weight_decay, trust, decay_biases, .. } => {
                moves.into_iter().try_for_each(|one| {
                    let decay = one.decay(weight_decay, decay_biases);
                    let trust = (decay_biases || one.parameter.shape().len() > 1).then_some(trust);
                    let Move { parameter, update, averages: [velocity, _], factor } = one;
                    lars::step(parameter, update, velocity, rate * factor, [momentum, decay], trust)
                })
            }
            Self::Hebbian { power, .. } => moves.into_iter().try_for_each(|one| {
                hebbian::step(one.parameter, one.update, (rate * one.factor) as f32, power)
            }),
        }
    }
}

/// A step of Adam with the rate and corrections of the `steps`-th step. Parameters with the same rate
/// and decay move together.
fn adam(step: AdamStep, steps: u64, rate: f64, moves: Vec<Move>, decay: impl Fn(&Move) -> f32) -> Result<()> {
    let (t, beta1, beta2) = (steps as f64, f64::from(step.beta1), f64::from(step.beta2));
    let square_correction = (1.0 / (1.0 - beta2.powf(t)).sqrt()) as f32;
    let mut groups: Vec<((f64, f32), Vec<AdamTensor>)> = Vec::new();
    for one in moves {
        let key = (one.factor, decay(&one));
        let Move { parameter, update, averages: [mean, square], .. } = one;
        let tensor = AdamTensor { value: parameter.value_mut(), update, mean, square };
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, tensors)) => tensors.push(tensor),
            None => groups.push((key, vec![tensor])),
        }
    }
    groups.into_iter().try_for_each(|((factor, decay), mut tensors)| {
        let rate = (rate * factor / (1.0 - beta1.powf(t))) as f32;
        Ok(ops::adam(AdamStep { rate, square_correction, decay, ..step }, &mut tensors)?)
    })
}
