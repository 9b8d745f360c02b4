//! The layer: its own update from the post factor, targets for the layer below, and the update of the inverse.

use plasticity_core::across::Across;
use plasticity_core::device::Buffer;
use plasticity_core::layer::{Activity, EncoderLayer, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::random::{Random, normal, stream};
use plasticity_core::{Error, Result};
use rand::RngExt;
use std::sync::Arc;

/// A layer f with an inverse g, for difference target propagation (Lee et al. 2015).
///
/// The post factor of the output is read as a direction towards the target: ĥ = h + η̂ · factor. If the factor comes
/// from a rule with a loss, this is the first target, h − η̂ ∂L/∂h. If it comes from a `dtp` layer above, it is the
/// target that this layer sends down, because each layer divides by η̂ what it multiplied by η̂.
///
/// - f moves by factor · ρ' ⊗ x, which is −∂/∂W ‖f(x) − ĥ‖² divided by 2 η̂.
/// - The layer below gets the factor (g(ĥ) − g(h)) / η̂. No weight of f is used.
///   It is the small difference of two passes, so [`DtpSpec`](super::DtpSpec) refuses a precision that rounds it away.
/// - g moves by −∂/∂V of the mean over samples of ‖g(f(x + ε)) − (x + ε)‖², with ε ~ N(0, σ²) drawn in each step.
///
/// # Shapes
/// f: `input → output`; g: `output →` as many values as the input. Parameters: those of f, then those of g as
/// `inverse.NAME`.
pub struct Dtp {
    layer: Box<dyn EncoderLayer>,
    inverse: Box<dyn EncoderLayer>,
    noise: f32,
    step: f32,
    learn: bool,
    /// The noise of the next learning pass.
    drawn: Option<Random>,
    /// The ranks among which the batch is divided.
    across: Option<Arc<dyn Across>>,
}

/// What a learning pass keeps.
struct Kept {
    trace: Trace,
    random: Option<Random>,
}

impl Dtp {
    /// A layer and its inverse, which learns or keeps its weights; they must fit each other.
    pub fn new(
        layer: Box<dyn EncoderLayer>,
        mut inverse: Box<dyn EncoderLayer>,
        noise: f32,
        step: f32,
        learn: bool,
    ) -> Self {
        for parameter in inverse.parameters() {
            if !learn {
                parameter.freeze();
            }
            parameter.rename(format!("inverse.{}", parameter.name()));
        }
        Self { layer, inverse, noise, step, learn, drawn: None, across: None }
    }

    /// How many ranks there are.
    fn ranks(&self) -> usize {
        self.across.as_ref().map_or(1, |across| across.ranks())
    }

    /// (g(h + η̂ factor) − g(h)) / η̂.
    fn down(&mut self, post: &FeatureMap, factor: &Buffer) -> Result<Buffer> {
        let mut target = post.clone();
        ops::add(target.data_mut(), self.step, factor)?;
        let mut down = self.inverse.forward(&target, Phase::Peek)?.post.into_data();
        ops::add(&mut down, -1.0, self.inverse.forward(post, Phase::Peek)?.post.data())?;
        ops::scale(&mut down, 1.0 / self.step)?;
        Ok(down)
    }

    /// The update of g, which learns to make x + ε from f(x + ε).
    fn inverse_updates(&mut self, pre: &FeatureMap, random: Option<Random>) -> Result<Vec<Buffer>> {
        let mut noisy = pre.clone();
        if let Some(mut random) = random.filter(|_| self.noise > 0.0) {
            // Drawn for the batch of all ranks, so that a stimulus gets the same noise on any number of ranks.
            let whole: Vec<f32> =
                (0..pre.shape().len() * self.ranks()).map(|_| normal(&mut random) as f32).collect();
            let noise = match &self.across {
                Some(across) => across.own(&whole, pre.shape())?,
                None => whole,
            };
            ops::add(noisy.data_mut(), self.noise, &Buffer::from_vec(pre.data().device(), noise)?)?;
        }
        let code = self.layer.forward(&noisy, Phase::Peek)?.post;
        let Activity { post: guess, trace, .. } = self.inverse.forward(&code, Phase::Learn)?;
        if guess.shape().len() != noisy.shape().len() {
            let message = format!("the inverse makes {:?} from {:?}", guess.shape(), noisy.shape());
            return Err(Error::shape("dtp", message));
        }
        let mut error = noisy.into_data();
        ops::add(&mut error, -1.0, guess.data())?;
        let summed = self.across.as_ref().map_or(1, |across| across.summed());
        ops::scale(&mut error, 2.0 / (pre.shape().samples() * summed) as f32)?;
        let factor = PostFactor::PerPosition(error);
        Ok(self.inverse.plasticity(&code, &guess, trace, factor, false)?.updates)
    }
}

impl EncoderLayer for Dtp {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.layer.output(input)
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let Activity { post, trace, .. } = self.layer.forward(pre, phase)?;
        if phase != Phase::Learn {
            return Ok(Activity::new(post));
        }
        let random = self.drawn.take();
        Ok(Activity::new(post).with_trace(Trace::new(Kept { trace, random })))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let Kept { trace, random } = trace.take()?;
        let down = match feedback {
            true => Some(self.down(post, &factor.clone().per_position(post.shape(), "dtp")?)?),
            false => None,
        };
        let mut updates = self.layer.plasticity(pre, post, trace, factor, false)?.updates;
        if self.learn {
            updates.extend(self.inverse_updates(pre, random)?);
        }
        Ok(LayerUpdate::new(updates).with_feedback(down))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.layer.parameters().into_iter().chain(self.inverse.parameters()).collect()
    }

    fn follows_gradient(&self) -> bool {
        false
    }

    fn is_linear(&self) -> bool {
        false
    }

    fn draw(&mut self, random: &mut Random) {
        self.layer.draw(random);
        self.inverse.draw(random);
        self.drawn = Some(stream(random.random(), &[]));
    }

    fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.layer.across(ranks);
        self.inverse.across(ranks);
        self.across = ranks.cloned();
    }
}
