//! Updates by dfdx's automatic differentiation: what a rule, score or broadcast signal gets that states only
//! its loss, and the proof that a closed form is right.

use crate::broadcast::{BroadcastSignal, Modulation};
use crate::device::{Buffer, Device, Matrix, TapedMatrix, TapedScalar};
use crate::draws::Draws;
use crate::error::{Error, Result};
use crate::ops;
use crate::pairs::{Pairs, Saccades, Scores};
use crate::parameter::Parameter;
use crate::plasticity::{PlasticityRule, RuleUpdate, Signals};
use crate::representation::RepresentationShape;
use crate::score::{Dendrites, Reach, Rows, ScoreFunction};
use dfdx::shapes::HasShape;
use dfdx::tensor::{AsArray, AutoDevice, Gradients, OwnedTape, SplitTape, Tensor, TensorFromVec, Trace as _};
use dfdx::tensor_ops::{Backward, GatherTo, SumTo, TryMul};

type Tape = OwnedTape<f32, AutoDevice>;
type Grads = Gradients<f32, AutoDevice>;

/// What [`PlasticityRule::loss`] works on: the signals of a step as dfdx matrices whose history is recorded.
///
/// Every call gives the same values with a tape of its own; dfdx merges tapes where they meet. Of target and context a
/// call gives a copy: on the CPU the gradient of dfdx's `slice` takes the place of what a tensor's other uses gave, and does
/// not add to it. So slice what a call gave at most once, and use it for nothing else; parameters, which are the leaves
/// themselves, only as `own(index) * 1.0`.
pub struct Taped<'a> {
    target: Matrix,
    context: Option<Matrix>,
    top: Option<Matrix>,
    own: Vec<Matrix>,
    shape: RepresentationShape,
    context_shape: RepresentationShape,
    signals: &'a Signals<'a>,
}

impl<'a> Taped<'a> {
    fn new(signals: &'a Signals<'a>, parameters: &[&Parameter]) -> Result<Self> {
        let own = parameters.iter().map(|parameter| matrix(parameter)).collect::<Result<_>>()?;
        Ok(Self {
            target: signals.target.tensor()?,
            context: signals.context.map(|context| context.tensor()).transpose()?,
            top: signals.top.map(|top| top.tensor()).transpose()?,
            own,
            shape: signals.target.shape(),
            context_shape: signals.context.unwrap_or(signals.target).shape(),
            signals,
        })
    }

    /// Axes of the target's rows.
    pub fn shape(&self) -> RepresentationShape {
        self.shape
    }

    /// Axes of the context's rows.
    pub fn context_shape(&self) -> RepresentationShape {
        self.context_shape
    }

    /// `[time · location · batch, channel]`: the target.
    pub fn target(&self) -> TapedMatrix {
        copy(&self.target)
    }

    /// The context: the target itself where there is no other.
    pub fn context(&self) -> TapedMatrix {
        copy(self.context.as_ref().unwrap_or(&self.target))
    }

    /// The top module's representation, without history: a signal only.
    pub fn top(&self) -> Option<Matrix> {
        self.top.clone()
    }

    /// Own parameter `index` (in the order of [`PlasticityRule::parameters`]), as a matrix: its first public
    /// axis by the rest; a vector is one row.
    pub fn own(&self, index: usize) -> TapedMatrix {
        self.own[index].retaped::<Tape>()
    }

    /// The classes of the batch, for supervised rules.
    pub fn labels(&self) -> Option<&[u32]> {
        self.signals.labels
    }

    /// The device.
    pub fn device(&self) -> &Device {
        self.signals.target.data().device()
    }
}

/// The update of a rule from its [`PlasticityRule::loss`], or `None` if it follows none.
///
/// # Errors
/// Where the rule or dfdx refuses.
pub fn update<R: PlasticityRule + ?Sized>(
    rule: &R,
    signals: &Signals,
    draws: &mut dyn Draws,
) -> Result<Option<RuleUpdate>> {
    let parameters = rule.parameters();
    let taped = Taped::new(signals, &parameters)?;
    let Some(loss) = rule.loss(&taped, draws)? else { return Ok(None) };
    let device = signals.target.data().device();
    let value = Buffer::from_vec(device, vec![loss.array()])?;
    let mut gradients = loss.try_backward().map_err(refused)?;
    let target = downhill(&mut gradients, &taped.target, device)?;
    let context = match &taped.context {
        Some(context) => Some(downhill(&mut gradients, context, device)?),
        None => None,
    };
    let mut own = Vec::new();
    for (parameter, leaf) in parameters.iter().zip(&taped.own) {
        if parameter.learns() {
            let public = downhill(&mut gradients, leaf, device)?.to_vec()?;
            own.push(Buffer::from_vec(device, parameter.to_memory(&public)?)?);
        }
    }
    Ok(Some(RuleUpdate { loss: value, target, context, own, lateral: None }))
}

/// Scores of the pairs alone, picked from [`ScoreFunction::all_pairs`].
///
/// # Errors
/// Where the score or dfdx refuses.
pub fn scores<S: ScoreFunction + ?Sized>(
    score: &S,
    target: Rows,
    context: Rows,
    pairs: &Pairs,
) -> Result<Scores> {
    let own = own(score)?;
    let picked = picked(score, &leaf(target)?, &leaf(context)?, &own, pairs)?;
    let columns = pairs.columns();
    let values = Buffer::from_tensor(target.data.device(), &untaped(picked))?;
    Ok(Scores { values, rows: pairs.rows, columns })
}

/// The dendritic signals of a score for the modulation `gamma`: the gradients of Σ γ u.
///
/// # Errors
/// Where the score or dfdx refuses.
pub fn dendrites<S: ScoreFunction + ?Sized>(
    score: &S,
    target: Rows,
    context: Rows,
    pairs: &Pairs,
    gamma: &Scores,
    reach: Reach,
) -> Result<Dendrites> {
    let device = target.data.device();
    let (own, target, context) = (own(score)?, leaf(target)?, leaf(context)?);
    let picked = picked(score, &target, &context, &own, pairs)?;
    let gamma = gamma.values.tensor(gamma.rows, gamma.columns)?;
    let sum: TapedScalar = picked.try_mul(gamma).map_err(refused)?.try_sum().map_err(refused)?;
    let mut gradients = sum.try_backward().map_err(refused)?;
    let mut uphill = |leaf: &Matrix| uphill(&mut gradients, leaf, device);
    let mut weights = Vec::new();
    if reach.weights {
        for (parameter, leaf) in score.parameters().iter().zip(&own).filter(|(own, _)| own.learns()) {
            let public = uphill(leaf)?.to_vec()?;
            weights.push(Buffer::from_vec(device, parameter.to_memory(&public)?)?);
        }
    }
    Ok(Dendrites {
        target: reach.target.then(|| uphill(&target)).transpose()?,
        context: reach.context.then(|| uphill(&context)).transpose()?,
        own: weights,
    })
}

/// Loss and γ = −∂L/∂u of a broadcast signal.
///
/// # Errors
/// Where the signal or dfdx refuses.
pub fn modulation<B: BroadcastSignal + ?Sized>(
    signal: &B,
    scores: &Scores,
    pairs: &Pairs,
) -> Result<Modulation> {
    let device = scores.values.device();
    let leaf = scores.values.tensor(scores.rows, scores.columns)?;
    let loss = signal.loss(leaf.leaky_trace(), pairs)?;
    let value = Buffer::from_vec(device, vec![loss.array()])?;
    let mut gradients = loss.try_backward().map_err(refused)?;
    let gamma = Scores {
        values: downhill(&mut gradients, &leaf, device)?,
        rows: scores.rows,
        columns: scores.columns,
    };
    Ok(Modulation { loss: value, gamma })
}

fn leaf(rows: Rows) -> Result<Matrix> {
    Ok(rows.data.part(rows.first * rows.channels, rows.rows, rows.channels)?)
}

fn own<S: ScoreFunction + ?Sized>(score: &S) -> Result<Vec<Matrix>> {
    score.parameters().iter().map(|parameter| matrix(parameter)).collect()
}

/// A parameter in its public layout, as a matrix: its first axis by the rest; a vector is one row.
fn matrix(parameter: &Parameter) -> Result<Matrix> {
    let values = parameter.get()?;
    let rows = if parameter.shape().len() > 1 { parameter.shape()[0] } else { 1 };
    let columns = values.len() / rows.max(1);
    Ok(Buffer::from_vec(parameter.value().device(), values)?.tensor(rows, columns)?)
}

/// The matrix of scores `[rows, columns]` of the pairs, from that of all pairs.
fn picked<S: ScoreFunction + ?Sized>(
    score: &S,
    target: &Matrix,
    context: &Matrix,
    own: &[Matrix],
    pairs: &Pairs,
) -> Result<TapedMatrix> {
    let own: Vec<_> = own.iter().map(|leaf| leaf.retaped::<Tape>()).collect();
    let all = score.all_pairs(copy(target), copy(context), &own)?;
    pick(all, pairs)
}

/// Picks the pairs' columns from a `[rows, rows]` matrix of all scores.
///
/// # Errors
/// Where dfdx refuses.
pub fn pick(all: TapedMatrix, pairs: &Pairs) -> Result<TapedMatrix> {
    let Saccades::Sampled(sampled) = &pairs.saccades else { return Ok(all) };
    let columns = (0..pairs.rows).flat_map(|row| std::iter::once(row).chain(sampled.of(row))).collect();
    gather(all, columns, pairs.columns())
}

/// `[rows, width]`: for each row, the values in its `width` columns.
fn gather(all: TapedMatrix, columns: Vec<usize>, width: usize) -> Result<TapedMatrix> {
    let rows = all.shape().0;
    let index: Tensor<(usize, usize), usize, AutoDevice> =
        all.device().try_tensor_from_vec(columns, (rows, width)).map_err(refused)?;
    let picked: TapedMatrix = all.try_gather(index).map_err(refused)?;
    Ok(picked)
}

/// A tensor of the leaf's values, with history: see [`Taped`].
fn copy(leaf: &Matrix) -> TapedMatrix {
    leaf.retaped::<Tape>() * 1.0
}

/// The same values without history, so that no gradient passes: what only signals, and does not learn.
pub fn stop(matrix: TapedMatrix) -> TapedMatrix {
    untaped(matrix).retaped::<Tape>()
}

fn untaped(matrix: TapedMatrix) -> Matrix {
    matrix.split_tape().0
}

/// Minus the gradient of `leaf`: the direction in which a rule that follows a loss moves it.
fn downhill(gradients: &mut Grads, leaf: &Matrix, device: &Device) -> Result<Buffer> {
    let mut update = uphill(gradients, leaf, device)?;
    ops::scale(&mut update, -1.0)?;
    Ok(update)
}

/// The gradient of `leaf`: zero where the loss does not depend on it.
fn uphill(gradients: &mut Grads, leaf: &Matrix, device: &Device) -> Result<Buffer> {
    gradients.try_alloc_for(leaf).map_err(refused)?;
    Ok(Buffer::from_tensor(device, &gradients.get(leaf))?)
}

fn refused(error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("dfdx: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::draws::SeededDraws;
    use crate::representation::Representation;
    use dfdx::shapes::Axis;
    use dfdx::tensor_ops::{BroadcastTo, MeanTo, RealizeTo};

    /// ⟨(z(t+1) − z(t))²⟩ − ⟨ln Var z⟩: uses the target four times, twice through slices that overlap.
    struct Slow;

    impl PlasticityRule for Slow {
        fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<TapedScalar>> {
            let (rows, step) = (signals.shape().rows(), signals.shape().rows_per_step());
            let now: TapedMatrix = signals.target().slice((..rows - step, ..)).realize();
            let next: TapedMatrix = signals.target().slice((step.., ..)).realize();
            let mean = signals.target().mean::<(usize,), Axis<0>>();
            let shape = (rows, signals.shape().channel);
            let mean: TapedMatrix = mean.broadcast_like::<(usize, usize), Axis<0>>(&shape);
            let variance = (signals.target() - mean).square().mean::<(usize,), Axis<0>>();
            Ok(Some((next - now).square().mean() - variance.ln().mean()))
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
            let signals = Signals { target: &target, context: None, top: None, labels: None };
            let mut draws = SeededDraws { seed: 1, step: 0, module: 0 };
            let made = Slow.update(&signals, &mut draws).unwrap();
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
