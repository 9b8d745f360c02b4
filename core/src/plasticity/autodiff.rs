//! The update of a rule by automatic differentiation of its loss. Rules with only a loss use it, and tests compare
//! closed forms with it.

use super::{PlasticityRule, RuleUpdate, Signals};
use crate::device::{Buffer, Device};
use crate::draws::Draws;
use crate::error::{Error, Result};
use crate::parameter::Parameter;
use crate::representation::{Representation, RepresentationShape};
use crate::taped::{Matrix, Scalar, Tape};

pub use crate::taped::Held;

/// The arguments of a loss: the signals of a step as matrices whose operations are recorded.
pub struct Taped<'a> {
    tape: Tape,
    target: Matrix,
    context: Option<Matrix>,
    top: Option<Matrix>,
    own: Vec<Matrix>,
    signals: &'a Signals<'a>,
}

impl<'a> Taped<'a> {
    /// The signals of a step, and a rule's own parameters.
    ///
    /// # Errors
    /// If the device has no memory.
    pub(super) fn new(signals: &'a Signals<'a>, parameters: Vec<&mut Parameter>) -> Result<Self> {
        let tape = Tape::new(signals.target.data().device());
        let leaf =
            |seen: &Representation| tape.leaf(seen.data(), 0, seen.shape().rows(), seen.shape().channel);
        let own = parameters.into_iter().map(|own| tape.parameter(own)).collect::<Result<_>>()?;
        let (target, context) = (leaf(signals.target)?, signals.context.map(leaf).transpose()?);
        let top = signals.top.map(leaf).transpose()?;
        Ok(Self { tape, target, context, top, own, signals })
    }

    /// Axes of the target's rows.
    pub fn shape(&self) -> RepresentationShape {
        self.signals.target.shape()
    }

    /// Axes of the context's rows.
    pub fn context_shape(&self) -> RepresentationShape {
        self.signals.context.unwrap_or(self.signals.target).shape()
    }

    /// `[time · location · batch, channel]`: the target.
    pub fn target(&self) -> &Matrix {
        &self.target
    }

    /// The context; the target itself if there is no other.
    pub fn context(&self) -> &Matrix {
        self.context.as_ref().unwrap_or(&self.target)
    }

    /// The top module's representation (detached).
    pub fn top(&self) -> Option<&Matrix> {
        self.top.as_ref()
    }

    /// The rule's parameter `index` (in the order of `parameters`) as a matrix: the first public axis gives the rows,
    /// the others the columns; a vector is one row.
    ///
    /// # Errors
    /// If the rule has fewer parameters.
    pub fn own(&self, index: usize) -> Result<&Matrix> {
        self.own.get(index).ok_or_else(|| {
            let message = format!("uses its parameter {index}, but `parameters` returns {}", self.own.len());
            Error::shape("rule", message)
        })
    }

    /// All own parameters.
    pub fn all_own(&self) -> &[Matrix] {
        &self.own
    }

    /// `[rows, columns]`: a matrix of the values of a function of row and column.
    pub fn constant(&self, rows: usize, columns: usize, value: impl FnMut(usize, usize) -> f32) -> Matrix {
        self.tape.constant(rows, columns, value)
    }

    /// The classes of the batch, for supervised rules.
    pub fn labels(&self) -> Option<&[u32]> {
        self.signals.labels
    }

    /// The device.
    pub fn device(&self) -> &Device {
        self.tape.device()
    }

    /// The update for a loss of these signals.
    pub(super) fn update(&self, loss: &Scalar, parameters: Vec<&mut Parameter>) -> Result<RuleUpdate> {
        let device = self.device();
        let value = Buffer::from_vec(device, vec![loss.value()?])?;
        let mut gradients = loss.backward()?;
        let mut own = Vec::new();
        for (parameter, leaf) in parameters.into_iter().zip(&self.own).filter(|(own, _)| own.learns()) {
            let public = gradients.downhill(leaf)?.to_vec()?;
            own.push(Buffer::from_vec(device, parameter.to_memory(&public)?)?);
        }
        let context = self.context.as_ref().map(|context| gradients.downhill(context)).transpose()?;
        Ok(RuleUpdate::new(value, gradients.downhill(&self.target)?).with_context(context).with_own(own))
    }
}

/// The value of a rule's [`PlasticityRule::loss`], or `None` if it has none. The first call stores the detached
/// values ([`Matrix::detach`]) in `held`; later calls use these values. So finite differences measure the same
/// function as the gradient.
///
/// # Errors
/// If the rule returns an error.
pub fn loss<R: PlasticityRule + ?Sized>(
    rule: &mut R,
    signals: &Signals,
    draws: &mut dyn Draws,
    held: &mut Held,
) -> Result<Option<f32>> {
    let taped = Taped::new(signals, rule.parameters())?;
    taped.tape.hold(std::mem::take(held));
    let loss = rule.loss(&taped, draws)?.map(|loss| loss.value()).transpose();
    *held = taped.tape.held();
    loss
}

/// The update of a rule from its [`PlasticityRule::loss`], or `None` if it has none.
///
/// # Errors
/// If the rule returns an error.
pub fn update<R: PlasticityRule + ?Sized>(
    rule: &mut R,
    signals: &Signals,
    draws: &mut dyn Draws,
) -> Result<Option<RuleUpdate>> {
    let taped = Taped::new(signals, rule.parameters())?;
    match rule.loss(&taped, draws)? {
        Some(loss) => taped.update(&loss, rule.parameters()).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::SeededDraws;
    use crate::plasticity::LossRule;

    /// ⟨(z(t+1) − z(t))²⟩ − ⟨ln Var z⟩: uses the target four times, twice through slices that overlap.
    struct Slow;

    impl LossRule for Slow {
        fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Scalar> {
            let (rows, step) = (signals.shape().rows(), signals.shape().rows_per_step());
            let z = signals.target();
            let change = z.rows(step..rows) - z.rows(0..rows - step);
            let variance = (z - z.column_means()).square().column_means();
            Ok(change.square().mean() - variance.ln().mean())
        }
    }

    #[test]
    fn a_rule_may_slice_the_target_several_times() {
        let device = Device::open().unwrap();
        let shape = RepresentationShape { time: 3, location: 1, batch: 4, channel: 2 };
        let values: Vec<f32> = (0..shape.len()).map(|i| (i * 37 % 23) as f32 / 23.0).collect();
        let run = |values: &[f32]| {
            let data = Buffer::from_vec(&device, values.to_vec()).unwrap();
            let target = Representation::new(shape, data).unwrap();
            let mut draws = SeededDraws { seed: 1, step: 0, module: 0 };
            let made = Slow.update(&Signals::new(&target), &mut draws).unwrap();
            (f64::from(made.loss.to_vec().unwrap()[0]), made.target.to_vec().unwrap())
        };
        let said = run(&values).1;
        for (place, said) in said.into_iter().enumerate() {
            let side = |by: f32| {
                let mut moved = values.clone();
                moved[place] += by;
                run(&moved).0
            };
            let measured = (side(-1e-2) - side(1e-2)) / 2e-2;
            assert!(
                (measured - f64::from(said)).abs() < 2e-3,
                "{place}: {said}, finite differences {measured}"
            );
        }
    }
}
