//! The recurrent layer itself: forward pass and the backward passes of BPTT and e-prop.

use super::stream::EpropStream;
use crate::weights;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::error::{Error, Result};
use plasticity_core::layer::{Activity, EncoderLayer, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops::gru::{self as elementwise, Sizes};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::{Random, uniform};
use serde::{Deserialize, Serialize};

/// How the update of recurrent synapses is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gradient {
    /// Back-propagation through time: exact, local in neither space nor time.
    #[default]
    Bptt,
    /// e-prop, computed backwards along the leak (Illing et al. 2021, Appendix C). Keeps the gates of every step.
    Eprop,
    /// e-prop with eligibility traces that run forward in time: the same update up to rounding. The memory of the
    /// traces does not grow with the sequence. The memory of input, output and forward pass does; [`EpropStream`]
    /// works without these.
    EpropForward,
}

/// A GRU of `hidden` neurons along the map's own time axis; see [the module](super).
///
/// # Shapes
/// `[sample, t, 1, 1, inputs]` → `[sample, t, 1, 1, hidden]`. `weight_ih` `[3·hidden, inputs]`, `weight_hh`
/// `[3·hidden, hidden]`, `bias_ih` and `bias_hh` `[3·hidden]`, gates in PyTorch's order r, z (q here), n.
///
/// # Biological roles
/// *pre*: the input and the layer's own last output; *trace*: the gates of all steps, or nothing with
/// [`Gradient::EpropForward`] (eligibility traces are computed together with the update).
pub struct Gru {
    pub(super) weight_ih: Parameter,
    pub(super) weight_hh: Parameter,
    bias_ih: Parameter,
    bias_hh: Parameter,
    gradient: Gradient,
}

/// Gates of every step, `[samples, steps, 4·hidden]`.
struct Gates(Buffer);

impl Gru {
    /// A layer with weights drawn uniformly from ±1/√hidden, as in PyTorch.
    ///
    /// # Errors
    /// If there are too many weights, or the device has no memory.
    pub fn new(
        device: &Device,
        inputs: usize,
        hidden: usize,
        gradient: Gradient,
        random: &mut Random,
    ) -> Result<Self> {
        weights::check("gru", &[3, hidden, inputs.max(hidden)])?;
        let mut drawn = |name: &str, shape: &[usize]| {
            let order: Vec<usize> = (0..shape.len()).collect();
            Parameter::drawn(device, name, shape, &order, |count| Ok(uniform(random, count, hidden)))
        };
        Ok(Self {
            weight_ih: drawn("weight_ih", &[3 * hidden, inputs])?,
            weight_hh: drawn("weight_hh", &[3 * hidden, hidden])?,
            bias_ih: drawn("bias_ih", &[3 * hidden])?,
            bias_hh: drawn("bias_hh", &[3 * hidden])?,
            gradient,
        })
    }

    /// Neurons of the layer below.
    pub fn inputs(&self) -> usize {
        self.weight_ih.shape()[1]
    }

    /// Its neurons.
    pub fn hidden(&self) -> usize {
        self.weight_hh.shape()[1]
    }

    /// Runs e-prop forward in time over `samples` parallel sequences, from h = 0, for any [`Gradient`] of the layer.
    ///
    /// # Errors
    /// If the device has no memory for the traces.
    pub fn stream(&self, samples: usize) -> Result<EpropStream<'_>> {
        EpropStream::new(self, samples)
    }

    pub(super) fn biases(&self) -> [&Buffer; 2] {
        [self.bias_ih.value(), self.bias_hh.value()]
    }

    fn sizes(&self, map: MapShape) -> Result<Sizes> {
        let [steps, y, x] = map.extent;
        let place = "gru";
        if map.channels != self.inputs() {
            let message = format!("expects {} channels, got {}", self.inputs(), map.channels);
            return Err(Error::shape(place, message));
        }
        if (map.time, y, x) != (1, 1, 1) {
            let message = format!(
                "runs along the time axis of the map, so it needs maps of [t, 1, 1] from stimuli without \
                 patches; got {:?} and {} patches in time",
                map.extent, map.time
            );
            return Err(Error::shape(place, message));
        }
        Ok(Sizes { samples: map.samples(), steps, inputs: map.channels, hidden: self.hidden() })
    }

    /// Output of every step and, if `keep`, its gates.
    fn run(&self, pre: &Buffer, sizes: Sizes, keep: bool) -> Result<(Buffer, Option<Buffer>)> {
        let Sizes { samples, steps, inputs, hidden } = sizes;
        let zeros = |len| Buffer::zeros(pre.device(), len);
        let mut from_input = zeros(samples * steps * 3 * hidden)?;
        let product = Product::new(samples * steps, 3 * hidden, inputs).transpose_b();
        ops::product(product, pre, self.weight_ih.value(), &mut from_input)?;
        let mut from_hidden = zeros(samples * 3 * hidden)?;
        let mut h = zeros(samples * hidden)?;
        let mut post = zeros(samples * steps * hidden)?;
        let mut gates = if keep { Some(zeros(samples * steps * 4 * hidden)?) } else { None };
        for t in 0..steps {
            let product = Product::new(samples, 3 * hidden, hidden).transpose_b();
            ops::product(product, &h, self.weight_hh.value(), &mut from_hidden)?;
            let (biases, gates) = (self.biases(), gates.as_mut());
            elementwise::forward(sizes, t, &from_input, &from_hidden, biases, &mut h, &mut post, gates)?;
        }
        Ok((post, gates))
    }

    /// Post factors of the summed inputs of all gates and steps, `[samples, steps, 3·hidden]`: for input synapses
    /// and for recurrent synapses.
    fn back(&self, sizes: Sizes, gates: &Buffer, post: &Buffer, factor: &Buffer) -> Result<[Buffer; 2]> {
        let Sizes { samples, steps, hidden, .. } = sizes;
        let zeros = |len| Buffer::zeros(post.device(), len);
        let mut carry = zeros(samples * hidden)?;
        let mut step = zeros(samples * 3 * hidden)?;
        let mut at_input = zeros(samples * steps * 3 * hidden)?;
        let mut at_hidden = zeros(samples * steps * 3 * hidden)?;
        for t in (0..steps).rev() {
            let (a, b) = (&mut at_input, &mut at_hidden);
            elementwise::backward(sizes, t, gates, post, factor, &mut carry, a, b, &mut step)?;
            if self.gradient == Gradient::Bptt {
                let product = Product::new(samples, hidden, 3 * hidden).accumulate();
                ops::product(product, &step, self.weight_hh.value(), &mut carry)?;
            }
        }
        Ok([at_input, at_hidden])
    }

    /// Updates from post factors of the summed inputs: each is one product with the presynaptic activity.
    fn outer(&self, sizes: Sizes, at: &[Buffer; 2], pre: &Buffer, post: &Buffer) -> Result<Vec<Buffer>> {
        let Sizes { samples, steps, inputs, hidden } = sizes;
        let [at_input, at_hidden] = at;
        let mut weight_ih = Buffer::zeros(pre.device(), 3 * hidden * inputs)?;
        let product = Product::new(3 * hidden, inputs, samples * steps).transpose_a();
        ops::product(product, at_input, pre, &mut weight_ih)?;
        let mut weight_hh = Buffer::zeros(pre.device(), 3 * hidden * hidden)?;
        if steps > 1 {
            // The presynaptic activity of step t is the output of step t − 1, and 0 before the first.
            for sample in 0..samples {
                let row = sample * steps;
                let product = Product::new(3 * hidden, hidden, steps - 1).transpose_a().accumulate().at(
                    (row + 1) * 3 * hidden,
                    row * hidden,
                    0,
                );
                ops::product(product, at_hidden, post, &mut weight_hh)?;
            }
        }
        let bias_ih = ops::column_sums(at_input, 3 * hidden)?;
        Ok(vec![weight_ih, weight_hh, bias_ih, ops::column_sums(at_hidden, 3 * hidden)?])
    }

    fn feedback(&self, sizes: Sizes, at_input: &Buffer) -> Result<Buffer> {
        let Sizes { samples, steps, inputs, hidden } = sizes;
        let mut below = Buffer::zeros(at_input.device(), samples * steps * inputs)?;
        let product = Product::new(samples * steps, inputs, 3 * hidden);
        ops::product(product, at_input, self.weight_ih.value(), &mut below)?;
        Ok(below)
    }

    /// The update from traces that are computed in a second forward pass. Each step uses its own factor.
    fn forward_in_time(&self, sizes: Sizes, pre: &Buffer, factor: &Buffer) -> Result<Vec<Buffer>> {
        let mut stream = self.stream(sizes.samples)?;
        for t in 0..sizes.steps {
            stream.step(&elementwise::take_step(pre, sizes.steps, sizes.inputs, t)?)?;
            stream.learn(&elementwise::take_step(factor, sizes.steps, sizes.hidden, t)?)?;
        }
        Ok(stream.into_updates())
    }
}

impl EncoderLayer for Gru {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.sizes(input)?;
        Ok(input.with(input.extent, self.hidden()))
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let sizes = self.sizes(pre.shape())?;
        let keep = phase == Phase::Learn && self.gradient != Gradient::EpropForward;
        let (post, gates) = self.run(pre.data(), sizes, keep)?;
        let post = FeatureMap::new(self.output(pre.shape())?, post)?;
        Ok(Activity::new(post).with_trace(gates.map_or_else(Trace::none, |gates| Trace::new(Gates(gates)))))
    }

    /// With [`Gradient::EpropForward`] the update never goes back in time. Feedback to a layer below in the same
    /// module (−∂L/∂x_t contains learning signals later than t) needs a pass back in time; it is computed only if
    /// requested.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let sizes = self.sizes(pre.shape())?;
        if sizes.steps != 1 && matches!(factor, PostFactor::PerSample(_)) {
            let message = "needs a post factor for each time step, got one for each sample";
            return Err(Error::shape("gru", message));
        }
        let factor = factor.per_position(post.shape(), "gru")?;
        let expected = sizes.samples * sizes.steps * sizes.hidden;
        if factor.len() != expected {
            let message =
                format!("post factor and output should hold {expected} values, got {}", factor.len());
            return Err(Error::shape("gru", message));
        }
        if self.gradient == Gradient::EpropForward {
            let updates = self.forward_in_time(sizes, pre.data(), &factor)?;
            if !feedback {
                return Ok(LayerUpdate::new(updates));
            }
            let (post, gates) = self.run(pre.data(), sizes, true)?;
            let gates = gates.ok_or_else(|| Error::shape("gru", "kept no gates"))?;
            let [at_input, _] = self.back(sizes, &gates, &post, &factor)?;
            return Ok(LayerUpdate::new(updates).with_feedback(self.feedback(sizes, &at_input)?));
        }
        let Gates(gates) = trace.take()?;
        let at = self.back(sizes, &gates, post.data(), &factor)?;
        drop(gates);
        let updates = self.outer(sizes, &at, pre.data(), post.data())?;
        let feedback = if feedback { Some(self.feedback(sizes, &at[0])?) } else { None };
        Ok(LayerUpdate::new(updates).with_feedback(feedback))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight_ih, &mut self.weight_hh, &mut self.bias_ih, &mut self.bias_hh]
    }

    /// Only BPTT follows the gradient: e-prop leaves out the gradient through recurrent synapses.
    fn follows_gradient(&self) -> bool {
        self.gradient == Gradient::Bptt
    }

    fn is_context(&self) -> bool {
        true
    }
}
