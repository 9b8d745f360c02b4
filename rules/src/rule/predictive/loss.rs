//! The loss of a predictive rule in dfdx, for any score and broadcast signal: what proves its closed form.

use super::meetings::Meetings;
use super::rule::Predictive;
use super::steps;
use crate::refused;
use dfdx::shapes::HasShape;
use dfdx::tensor::{AutoDevice, Tensor, TensorFromVec};
use dfdx::tensor_ops::{GatherTo, ReshapeTo, TryAdd, TryMul};
use plasticity_core::Result;
use plasticity_core::autodiff::{Taped, pick, stop};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::draws::Draws;
use plasticity_core::representation::RepresentationShape;

impl Predictive {
    /// 1/K Σ_k L_k with gradients on the sides that learn; `None` with parts left out, so that no loss is followed.
    pub(super) fn taped_loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        if !self.follows_loss() {
            return Ok(None);
        }
        let (shape, context_shape) = (signals.shape(), signals.context_shape());
        let steps = self.steps(shape, context_shape, draws)?;
        let view = steps::view(&self.protocol, shape);
        let share = 1.0 / self.protocol.prediction_steps as f32;
        let mut meetings = Meetings::new(self.rule, &self.protocol, shape.batch, signals.device());
        let mut total: Option<TapedScalar> = None;
        let mut first = 0;
        for (i, (path, score)) in self.scores.iter().enumerate() {
            let step = steps[i % steps.len()];
            let pairs = meetings.pairs(*path, step, draws)?;
            let flows = self.flows(*path);
            let count = score.parameters().len();
            let own: Vec<_> = (first..first + count).map(|index| signals.own(index)).collect();
            first += count;
            let target = rows(signals.target(), shape, view, step.target, step.rows)?;
            let context_view = steps::view(&self.protocol, context_shape);
            let context = rows(signals.context(), context_shape, context_view, step.context, step.rows)?;
            let target = if flows.0 { target } else { stop(target) };
            let context = if flows.1 { context } else { stop(context) };
            let all = score.all_pairs(target, context, &own)?;
            let loss = self.broadcast.loss(pick(all, &pairs)?, &pairs)?.try_mul(share).map_err(refused)?;
            total = Some(match total {
                Some(total) => total.try_add(loss).map_err(refused)?,
                None => loss,
            });
        }
        Ok(total)
    }
}

/// `count` rows from `first` on of a matrix of rows (time, location, batch), in the shape `view`.
fn rows(
    matrix: TapedMatrix,
    shape: RepresentationShape,
    view: RepresentationShape,
    first: usize,
    count: usize,
) -> Result<TapedMatrix> {
    let merged = shape.location / view.location;
    let index: Vec<usize> = (first..first + count)
        .flat_map(|row| {
            let (step, rest) = (row / view.rows_per_step(), row % view.rows_per_step());
            (0..merged).map(move |location| step * shape.rows_per_step() + location * shape.batch + rest)
        })
        .collect();
    let len = index.len();
    let index: Tensor<(usize,), usize, AutoDevice> =
        Tensor::device(&matrix).try_tensor_from_vec(index, (len,)).map_err(refused)?;
    let picked: TapedMatrix = matrix.try_gather(index).map_err(refused)?;
    if picked.shape().0 == count {
        return Ok(picked);
    }
    picked.try_reshape_like(&(count, view.channel)).map_err(refused)
}
