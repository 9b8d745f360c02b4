//! The loss of a predictive rule, for any score and broadcast signal. Tests compare its gradient with the closed form.

use super::meetings::Meetings;
use super::rule::Predictive;
use super::steps;
use plasticity_core::Result;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::Taped;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::score::autodiff::pick;
use plasticity_core::taped::{Matrix, Scalar};

impl Predictive {
    /// 1/K Σ_k L_k with gradients on the sides that learn; `None` if an ablation leaves out parts, so that the rule
    /// follows no loss.
    pub(super) fn taped_loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        if !self.follows_loss() {
            return Ok(None);
        }
        let (shape, context_shape) = (signals.shape(), signals.context_shape());
        let steps = self.steps(shape, context_shape, draws)?;
        let view = steps::view(&self.protocol, shape);
        let share = 1.0 / self.protocol.prediction_steps as f32;
        let mut meetings = Meetings::new(self.rule, &self.protocol, shape.batch, signals.device());
        let mut total: Option<Scalar> = None;
        let mut own = signals.all_own();
        for (i, part) in self.scores.iter().enumerate() {
            let step = steps[i % steps.len()];
            let pairs = meetings.pairs(part.side, step, draws)?;
            let reach = self.reach(part.side);
            let (weights, others) = own.split_at(part.parameters.min(own.len()));
            own = others;
            let target = rows(signals.target(), shape, view, step.target, step.rows);
            let context_view = steps::view(&self.protocol, context_shape);
            let context = rows(signals.context(), context_shape, context_view, step.context, step.rows);
            let target = if reach.target { target } else { target.detach() };
            let context = if reach.context { context } else { context.detach() };
            let all = part.score.all_pairs(&target, &context, weights)?;
            let loss = self.broadcast.loss(&pick(&all, &pairs), &pairs)? * share;
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        Ok(total)
    }
}

/// `count` rows from `first` on of a matrix of rows (time, location, batch), in the shape `view`.
fn rows(
    matrix: &Matrix,
    shape: RepresentationShape,
    view: RepresentationShape,
    first: usize,
    count: usize,
) -> Matrix {
    let merged = shape.location / view.location;
    let index: Vec<usize> = (first..first + count)
        .flat_map(|row| {
            let (step, rest) = (row / view.rows_per_step(), row % view.rows_per_step());
            (0..merged).map(move |location| step * shape.rows_per_step() + location * shape.batch + rest)
        })
        .collect();
    matrix.take(&index).reshape(count, view.channel)
}
