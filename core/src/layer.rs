//! Encoder layers: forward pass, outer product with the presynaptic input, feedback inside a module.

use crate::across::Across;
use crate::device::{Buffer, Device};
use crate::error::{Error, Result};
use crate::map::{FeatureMap, MapShape};
use crate::ops;
use crate::parameter::Parameter;
use crate::random::Random;
use crate::representation::Pooling;
use std::any::Any;
use std::sync::Arc;

/// What a layer keeps from a forward pass for its update: routing of pooling, gates, eligibility traces. Only the
/// layer that made it can read it.
pub struct Trace(Box<dyn Any + Send>);

impl Trace {
    /// Wraps what the layer keeps.
    pub fn new<T: Any + Send>(kept: T) -> Self {
        Self(Box::new(kept))
    }

    /// The trace of a layer or pass that keeps nothing.
    pub fn none() -> Self {
        Self::new(())
    }

    /// The kept value.
    ///
    /// # Errors
    /// If another layer made the trace.
    pub fn take<T: Any>(self) -> Result<T> {
        self.0.downcast().map(|kept| *kept).map_err(|_| Self::foreign())
    }

    /// A reference to the kept value.
    ///
    /// # Errors
    /// If another layer made the trace.
    pub fn get<T: Any>(&self) -> Result<&T> {
        self.0.downcast_ref().ok_or_else(Self::foreign)
    }

    fn foreign() -> Error {
        Error::shape("trace", "comes from another kind of layer, or from a pass that keeps nothing")
    }
}

/// Whether a pass is followed by an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Statistics of the batch; a trace is kept; running averages are updated.
    Learn,
    /// As in learning (statistics of the batch), but nothing is kept or updated: an extra forward pass.
    Peek,
    /// Running averages; nothing is kept: for probing.
    Evaluate,
}

/// The result of a forward pass.
#[non_exhaustive]
pub struct Activity {
    /// The layer's output: the next layer's presynaptic input.
    pub post: FeatureMap,
    /// What the update needs. Empty unless the phase was [`Phase::Learn`].
    pub trace: Trace,
}

impl Activity {
    /// An output with an empty trace.
    pub fn new(post: FeatureMap) -> Self {
        Self { post, trace: Trace::none() }
    }

    /// The same with a trace.
    #[must_use]
    pub fn with_trace(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }
}

/// The factor of an update that belongs to the postsynaptic neuron, −∂L/∂z: γ · dendrite, summed over
/// all the pairs that a neuron takes part in.
#[derive(Clone, Debug)]
pub enum PostFactor {
    /// `[sample, channel]`: the factor of a map's mean over rows and columns; every position (of a map
    /// with one step in time) has this value divided by the number of positions.
    PerSample(Buffer),
    /// `[sample, t, y, x, channel]`: one value for each position.
    PerPosition(Buffer),
    /// `[sample, t, y, x, channel]` for the summed input a, before ρ and pooling: for rules that use every neuron,
    /// also those that ρ and pooling suppress.
    Activation(Buffer),
    /// `[sample, t, y, x, channel]` for the potential a + b, the summed input with the bias, before ρ and pooling.
    Potential(Buffer),
}

impl PostFactor {
    /// `[sample, t, y, x, channel]`: the factor of every position of an output of `shape`.
    ///
    /// # Errors
    /// If the factor is for summed inputs, which `layer` does not provide, or does not fit the map.
    pub fn per_position(self, shape: MapShape, layer: &str) -> Result<Buffer> {
        let factor = match self {
            Self::PerPosition(factor) => factor,
            Self::PerSample(factor) => ops::spread(&factor, shape, Pooling::Mean)?,
            Self::Activation(_) | Self::Potential(_) => {
                return Err(Error::shape(layer, "has no summed input that a rule could use"));
            }
        };
        if factor.len() != shape.len() {
            let message = format!("a post factor of {} values does not fit {shape:?}", factor.len());
            return Err(Error::shape(layer, message));
        }
        Ok(factor)
    }
}

/// M of an update M · W: the part of an update that depends on the weights themselves (decay, lateral competition).
#[derive(Clone, Debug)]
pub enum Lateral {
    /// `[channels, channels]`: neurons act on each other.
    Full(Buffer),
    /// `[channels]`, the diagonal: each neuron acts only on itself.
    Diagonal(Buffer),
}

impl Lateral {
    /// Its values.
    pub fn values(&self) -> &Buffer {
        match self {
            Self::Full(values) | Self::Diagonal(values) => values,
        }
    }

    /// Whether it fits a layer with this many neurons.
    pub fn fits(&self, channels: usize) -> bool {
        match self {
            Self::Full(values) => values.len() == channels * channels,
            Self::Diagonal(values) => values.len() == channels,
        }
    }
}

/// The update of a layer for a post factor.
#[non_exhaustive]
pub struct LayerUpdate {
    /// One buffer for each learning parameter of [`EncoderLayer::parameters`], in memory order: the direction in
    /// which it moves (minus the gradient, if the rule has a loss).
    pub updates: Vec<Buffer>,
    /// The post factor of the layer below, if requested.
    pub feedback: Option<Buffer>,
}

impl LayerUpdate {
    /// Updates of the learning parameters, without feedback.
    pub fn new(updates: Vec<Buffer>) -> Self {
        Self { updates, feedback: None }
    }

    /// The same with a post factor of the layer below.
    #[must_use]
    pub fn with_feedback(self, feedback: impl Into<Option<Buffer>>) -> Self {
        Self { feedback: feedback.into(), ..self }
    }
}

/// A layer of neurons with plastic synapses.
///
/// # Biological roles
/// *pre* is the input map, *post* the output after ρ, and *trace* what the layer keeps from the forward pass. The
/// *post factor* comes from the rule and contains modulation and dendritic signal. So the update is ΔW = Σ post
/// factor · ρ'(a) ⊗ pre (Equations 8 and 9).
pub trait EncoderLayer: Send {
    /// The shape of the output for an input of this shape.
    ///
    /// # Errors
    /// If the layer cannot work on such a map.
    fn output(&self, input: MapShape) -> Result<MapShape>;

    /// The activity of the layer for the input `pre`.
    ///
    /// # Errors
    /// If the layer cannot work on such a map.
    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity>;

    /// The update from a post factor. `pre` and `post` are those of the forward pass that made `trace`.
    ///
    /// # Errors
    /// If the factor does not fit the map.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate>;

    /// The summed inputs a = W · pre of all neurons, before ρ and pooling; `None` if the layer does not provide them.
    /// The bias is not included and does not move. With `potential` it is included: a + b.
    ///
    /// # Errors
    /// If the layer cannot work on such a map.
    fn activation(&mut self, _pre: &FeatureMap, _potential: bool) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// [`activation`](Self::activation) in the pass that computed `post` and `trace` from `pre`. A layer that can
    /// derive the summed inputs from them need not compute them again.
    ///
    /// # Errors
    /// If the layer cannot work on such a map, or another layer made the trace.
    fn activation_of_pass(
        &mut self,
        pre: &FeatureMap,
        _post: &FeatureMap,
        _trace: &Trace,
        potential: bool,
    ) -> Result<Option<FeatureMap>> {
        self.activation(pre, potential)
    }

    /// M · W for each learning parameter, where M acts on the layer's neurons: the part of an update that depends on
    /// the weights themselves; zeros for a bias.
    ///
    /// # Errors
    /// If the layer does not support this update, or M has another number of neurons.
    fn lateral(&self, _lateral: &Lateral) -> Result<Vec<Buffer>> {
        Err(Error::shape(
            "layer",
            "does not support updates that depend on its weights, which the rule needs: use another layer or \
             another rule",
        ))
    }

    /// All parameters, learning and fixed, always in the same order.
    fn parameters(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }

    /// Whether `plasticity` is the exact derivative of Σ factor · post: `false` for layers whose update is an
    /// approximation by design (e-prop, feedback alignment).
    fn follows_gradient(&self) -> bool {
        true
    }

    /// Whether updates and feedback are linear in the post factor: `false` for layers that also learn from something
    /// else, or pass down differences of a nonlinear function (target propagation).
    fn is_linear(&self) -> bool {
        true
    }

    /// Called before each learning pass of a step, with the step's generator for this module: a layer takes its random
    /// choices from it, in order. Without this call, a layer makes no random choices.
    fn draw(&mut self, _random: &mut Random) {}

    /// From now on, each pass is on this rank's shard of a batch; without `ranks`, on a whole batch again. A layer
    /// that uses means over the batch in learning must then use means over the shards of all ranks. Its updates are
    /// still the updates of its own shard.
    fn across(&mut self, _ranks: Option<&Arc<dyn Across>>) {}

    /// Whether the output serves as *context* for predicting the layer's own input (a recurrent layer on
    /// top of an encoder), and not as a target itself.
    fn is_context(&self) -> bool {
        false
    }
}

/// The keys of a layer in a config; [`LayerSpec::build`] builds the layer.
#[typetag::serde(tag = "type")]
pub trait LayerSpec: Send + Sync + std::fmt::Debug {
    /// Builds the layer for inputs of this shape, with new weights.
    ///
    /// # Errors
    /// If the layer cannot work on such a map, or a value is out of range.
    fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>>;

    /// Neurons at each position of its output, if fixed by the spec.
    fn channels(&self) -> Option<usize> {
        None
    }
}

/// The keys of a preset of layers in a config; see [`crate::registry`].
#[typetag::serde(tag = "preset")]
pub trait EncoderPreset: Send + Sync + std::fmt::Debug {
    /// The layers, first to last.
    ///
    /// # Errors
    /// If a value is out of range.
    fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>>;
}
