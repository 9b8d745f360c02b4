//! `predictive`: contexts predict targets k steps later; γ times dendritic signals moves both sides and the weights.

use super::drawn::{DrawnFor, Negatives};
use super::meetings::Meetings;
use super::options::{self, DRAWN, HINGE, Options, Overrides, Protocol, SHARED, SIXTEEN};
use super::steps::{self, Step};
use crate::score;
use crate::score::bilinear::target_side;
use plasticity_core::broadcast::BroadcastSignal;
use plasticity_core::device::Buffer;
use plasticity_core::draws::{Apart, Draws, Side};
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{
    ContextSource, Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Surprise, Taped,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::score::{Reach, Rows, ScoreFunction, Transport};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};
use rand::RngExt;

/// The config of the rule of which all presets are special cases.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "Overrides")]
pub struct PredictiveSpec(pub Options);

impl From<Overrides> for PredictiveSpec {
    fn from(overrides: Overrides) -> Self {
        Self(overrides.over(Options::default()))
    }
}

plugin! {
    Rule "predictive": "Any combination of score and broadcast over prediction steps; the paper's methods are \
                        presets of it",
    equation: "ΔW = Σ_k Σ γ · dendrite · ρ'(a) · x",
    citation: "Illing et al. 2021, Equations 1-19",
    keys: = &options::keys(SIXTEEN, "false", DRAWN, SHARED, HINGE, "false"),
    example: "type = \"predictive\"\nprediction_steps = 2\nnegatives = { type = \"random\", count = 3 }",
    impl RuleSpec for PredictiveSpec {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(Predictive::new("predictive", &self.0, site, random)?))
        }

        fn demands(&self) -> Demands {
            self.0.demands()
        }

        fn compared(&self, target: RepresentationShape) -> u64 {
            steps::compared(&self.0.protocol(0), target)
        }
    }
}

/// A predictive rule of one module.
///
/// L = 1/K Σ_k L_k, where L_k compares context row t with target row t + k + skip. With transport `retrodiction`,
/// L_k = L(z, detach(c); W_pred) + L(detach(z), c; W_retro), each with its own γ. Random negatives are drawn for
/// each side. In time-local learning, both sides share the signs and the other inputs. The rule's own weights are
/// `predict.K` and, with `retrodiction`, `retrodict.K`.
pub struct Predictive {
    pub(super) rule: &'static str,
    pub(super) protocol: Protocol,
    pub(super) transport: Transport,
    pub(super) broadcast: Box<dyn BroadcastSignal>,
    pub(super) scores: Vec<Part>,
    windowed: bool,
}

/// Sets the retrodiction weights of each step to the transposed prediction weights of the same step. Scores that do
/// not consist of one matrix are not changed.
fn begin_alike(scores: &mut [Part]) -> Result<()> {
    let (predict, retrodict) = scores.split_at_mut(scores.len() / 2);
    for (predict, retrodict) in predict.iter_mut().zip(retrodict) {
        if let ([predict], [retrodict]) =
            (&mut predict.score.parameters()[..], &mut retrodict.score.parameters()[..])
        {
            let (values, columns) = (predict.get()?, predict.shape().last().copied().unwrap_or(1));
            let transposed = (0..columns).flat_map(|column| values[column..].iter().step_by(columns));
            retrodict.set(&transposed.copied().collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Whether each row of a target has the row of a context.
fn side_by_side(target: RepresentationShape, context: RepresentationShape) -> bool {
    (target.time, target.location, target.batch) == (context.time, context.location, context.batch)
}

/// The score of one side and prediction step.
pub(super) struct Part {
    pub side: Side,
    pub score: Box<dyn ScoreFunction>,
    /// How many parameters the score has.
    pub parameters: usize,
}

impl Predictive {
    /// The rule `rule` for a module, with new weights.
    ///
    /// # Errors
    /// If an option is out of range, the representations have too few steps in time, or that of the module above has other
    /// places.
    pub fn new(rule: &'static str, options: &Options, to: &Site, random: &mut Random) -> Result<Self> {
        options.check()?;
        options.prediction_steps.check("prediction_steps", to.modules)?;
        options.pool.check(to.modules)?;
        if options.context == ContextSource::Above && !side_by_side(to.target, to.context) {
            let message = format!(
                "`above` needs modules with the same steps in time and the same locations, but module {} has {:?} and \
                 the one above it {:?}: use `same`, or layers that keep them",
                to.module + 1,
                to.target,
                to.context
            );
            return Err(Error::config("context", message));
        }
        let protocol = options.protocol(to.module);
        let one_other = matches!(protocol.negatives, Negatives::OtherSample { .. });
        if to.module == 0 && protocol.time_local && !one_other {
            tracing::warn!(
                "rule {rule}: time-local learning makes each input a positive or a negative, but random \
                 negatives compare a context with several inputs at once: use `negatives = {{ type = \
                 \"other_sample\" }}`"
            );
        }
        let windowed = options.window > 0 && to.module + 1 < to.modules;
        let time = if windowed { options.window.min(to.target.time) } else { to.target.time };
        steps::steps(rule, &protocol, steps::view(&protocol, to.target), 0..time)?;
        let transport = options.score.transport();
        let mut scores = Vec::new();
        for side in [Side::Predict, Side::Retrodict] {
            if side == Side::Retrodict && transport != Transport::Retrodiction {
                continue;
            }
            for k in 1..=protocol.prediction_steps {
                let (target, context) = (to.target.channel, to.context.channel);
                let mut score = options
                    .score
                    .build(side, target, context, to.device, random)
                    .map_err(|error| error.under("score"))?;
                score::name_parameters(score.as_mut(), &format!("{}.{k}", side.name()));
                if !options.learn_prediction {
                    score.parameters().into_iter().for_each(Parameter::freeze);
                }
                let parameters = score.parameters().len();
                scores.push(Part { side, score, parameters });
            }
        }
        if options.twins && !to.device.is_sizing() {
            begin_alike(&mut scores)?;
        }
        let broadcast = options.broadcast.build().map_err(|error| error.under("broadcast"))?;
        Ok(Self { rule, protocol, transport, broadcast, scores, windowed })
    }

    /// What learns from the pairs of one side, without the ablation of the dendrite.
    pub(super) fn reach(&self, side: Side) -> Reach {
        let context = match self.transport {
            Transport::Shared => self.protocol.update_context,
            Transport::Blocked => false,
            Transport::Retrodiction => side == Side::Retrodict && self.protocol.update_context,
        };
        Reach { target: side == Side::Predict, context, weights: self.protocol.learn_prediction }
    }

    /// Whether the update is minus the gradient of a loss.
    pub(super) fn follows_loss(&self) -> bool {
        self.protocol.dendrite && self.broadcast.follows_loss()
    }

    /// The prediction steps for a target and a context of these shapes.
    pub(super) fn steps(
        &self,
        target: RepresentationShape,
        context: RepresentationShape,
        draws: &mut dyn Draws,
    ) -> Result<Vec<Step>> {
        if !side_by_side(target, context) {
            let message =
                format!("target {target:?} and context {context:?} differ in time, location or batch");
            return Err(Error::shape(format!("rule {}", self.rule), message));
        }
        let time = target.time;
        let window = if self.windowed && self.protocol.window < time {
            let start = draws.random(0).random_range(0..=time - self.protocol.window);
            start..start + self.protocol.window
        } else {
            0..time
        };
        steps::steps(self.rule, &self.protocol, steps::view(&self.protocol, target), window)
    }

    /// A representation in the layout in which its rows are compared. This is a copy if all pairs are compared.
    fn lay_out(&self, representation: &Representation) -> Result<Option<Buffer>> {
        let shape = representation.shape();
        if !self.protocol.keeps_places() || shape.location == 1 {
            return Ok(None);
        }
        Ok(ops::swap_axes(representation.data(), shape.time, shape.location, shape.batch, shape.channel)
            .map(Some)?)
    }

    /// A post factor, back in the layout of the representation.
    fn lay_back(&self, factor: Buffer, shape: RepresentationShape) -> Result<Buffer> {
        if !self.protocol.keeps_places() || shape.location == 1 {
            return Ok(factor);
        }
        Ok(ops::swap_axes(&factor, shape.time, shape.batch, shape.location, shape.channel)?)
    }
}

impl PlasticityRule for Predictive {
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        match self.protocol.draws {
            DrawnFor::Network => self.made(signals, draws),
            DrawnFor::Module => self.made(signals, &mut Apart(draws)),
        }
    }

    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        match self.protocol.draws {
            DrawnFor::Network => self.taped_loss(signals, draws),
            DrawnFor::Module => self.taped_loss(signals, &mut Apart(draws)),
        }
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.scores.iter_mut().flat_map(|part| part.score.parameters()).collect()
    }
}

impl Predictive {
    /// The update in closed form.
    fn made(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let source = signals.context.unwrap_or(signals.target);
        let (shape, context_shape) = (signals.target.shape(), source.shape());
        let steps = self.steps(shape, context_shape, draws)?;
        let device = signals.target.data().device();
        let (view, context_view) =
            (steps::view(&self.protocol, shape), steps::view(&self.protocol, context_shape));
        let (targets, contexts) = (self.lay_out(signals.target)?, self.lay_out(source)?);
        let targets = targets.as_ref().unwrap_or(signals.target.data());
        let contexts = contexts.as_ref().unwrap_or(source.data());
        let (mut losses, mut surprise) = (Vec::new(), Vec::new());
        let mut target = Buffer::zeros(device, shape.len())?;
        let apart = signals.context.is_some();
        let learns = self.scores.iter().any(|part| self.reach(part.side).context);
        let mut context =
            (apart && learns).then(|| Buffer::zeros(device, context_shape.len())).transpose()?;
        let mut own = Vec::new();
        let share = 1.0 / self.protocol.prediction_steps as f32;
        let mut meetings = Meetings::new(self.rule, &self.protocol, shape.batch, device);
        let reaches: Vec<_> = self.scores.iter().map(|part| self.reach(part.side)).collect();
        for (i, Part { side, score, .. }) in self.scores.iter_mut().enumerate() {
            let step = steps[i % steps.len()];
            let reach = reaches[i];
            let pairs = meetings.pairs(*side, step, draws)?;
            let rows = |data, first, view: RepresentationShape| Rows {
                data,
                first,
                rows: step.rows,
                channels: view.channel,
            };
            let (z, c) = (rows(targets, step.target, view), rows(contexts, step.context, context_view));
            let u = score.scores(z, c, &pairs)?;
            let mut modulation = self.broadcast.modulation(&u, &pairs)?;
            losses.push(modulation.loss);
            surprise.extend(Surprise::of(self.broadcast.as_ref(), &modulation.gamma, &pairs));
            ops::scale(&mut modulation.gamma.values, share)?;
            let gamma = &modulation.gamma;
            let dendritic = Reach { target: reach.target && self.protocol.dendrite, ..reach };
            let mut made = score.dendrites(z, c, &pairs, gamma, dendritic)?;
            if reach.target && !self.protocol.dendrite {
                let ones = Buffer::from_vec(device, vec![1.0; step.rows * view.channel])?;
                made.target = Some(target_side(gamma, &ones, z, &pairs)?);
            }
            if let Some(made) = made.target {
                ops::add_at(&mut target, step.target * view.channel, 1.0, &made)?;
            }
            if let Some(made) = made.context {
                let into = context.as_mut().unwrap_or(&mut target);
                ops::add_at(into, step.context * context_view.channel, 1.0, &made)?;
            }
            own.extend(made.own);
        }
        let mut loss = Buffer::zeros(device, 1)?;
        ops::add_singles(&mut loss, share, &losses)?;
        let target = self.lay_back(target, shape)?;
        let context = context.map(|context| self.lay_back(context, context_shape)).transpose()?;
        Ok(RuleUpdate::new(loss, target).with_context(context).with_own(own).with_surprise(surprise))
    }
}
