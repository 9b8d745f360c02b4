//! The layer itself: post = maxpool(ρ(W ∗ pre + b)), with optional batch normalisation before the pool.

use super::normed::{self, Normed};
use crate::batch_norm::Norm;
use crate::weights::{self, Initial};
use plasticity_core::across::Across;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, Lateral, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops::conv as device;
use plasticity_core::ops::conv::{Factor, Geometry, Pool, Routing};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::{Random, uniform};
use plasticity_core::{Error, Result, stage};
use std::sync::Arc;

/// The sizes of a convolution layer, on time, row and column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvShape {
    /// Neurons at each position of the output.
    pub channels: usize,
    /// Which axes the public layout of the weights has.
    pub axes: [bool; 3],
    /// Taps.
    pub kernel: [usize; 3],
    /// Step between windows.
    pub stride: [usize; 3],
    /// Zeros on either side.
    pub padding: [usize; 3],
    /// Whether ρ is ReLU; else the identity.
    pub relu: bool,
    /// Whether neurons have a bias that learns; else it is 0.
    pub bias: bool,
    /// The initial weights.
    pub initial: Initial,
    /// Whether batch normalisation follows ρ.
    pub batch_norm: bool,
    /// The max pool at the end, if there is one.
    pub pool: Option<Pool>,
}

impl ConvShape {
    /// The sizes for a map of this shape.
    ///
    /// # Errors
    /// If the output would be empty, a window could see only padding, or there are too many weights.
    pub fn geometry(&self, input: MapShape) -> Result<Geometry> {
        let Self { channels, kernel, stride, padding, .. } = *self;
        if (0..3).any(|axis| padding[axis] >= kernel[axis]) {
            let message = format!(
                "{padding:?} zeros for windows of {kernel:?}: expected fewer zeros than the window has"
            );
            return Err(Error::config("padding", message));
        }
        let [t, y, x] = kernel;
        weights::check("convolution", &[channels, input.channels, t, y, x])?;
        let geometry = Geometry {
            samples: input.samples(),
            input: input.extent,
            in_channels: input.channels,
            out_channels: channels,
            kernel,
            stride,
            padding,
        };
        if input.extent.contains(&0) || geometry.pooled(self.pool.as_ref()).contains(&0) {
            let pool = self.pool.map_or(String::new(), |pool| format!(", then a pool of {:?}", pool.size));
            let message = format!(
                "a kernel of {kernel:?} (stride {stride:?}, padding {padding:?}){pool} does not fit a map of {:?}: use larger \
                 stimuli, a smaller kernel, or no pool",
                input.extent
            );
            return Err(Error::shape("convolution", message));
        }
        Ok(geometry)
    }

    /// The output for a map of this shape.
    ///
    /// # Errors
    /// As [`Self::geometry`].
    pub fn output(&self, input: MapShape) -> Result<MapShape> {
        let geometry = self.geometry(input)?;
        Ok(input.with(geometry.pooled(self.pool.as_ref()), self.channels))
    }
}

/// A convolution with ReLU, batch normalisation and max pool.
///
/// # Biological roles
/// *pre*: the window under a neuron; *post*: z = ρ(a), a = W · pre + b; max pooling can be read as lateral
/// inhibition: only the winner of the neurons in a window is active, and only its synapses learn. *trace*: the
/// winners.
///
/// # Shapes
/// `[sample, t, y, x, in] → [sample, t', y', x', channels]`, t' = ⌊(⌊(t + 2p − k)/s⌋ + 1 − size)/stride⌋ + 1.
#[derive(Debug)]
pub struct Conv {
    shape: ConvShape,
    in_channels: usize,
    weight: Parameter,
    bias: Parameter,
    norm: Option<Norm>,
    /// Whether its samples are a shard of the batch: other ranks have the rest.
    shard: bool,
}

/// What the layer keeps until its update.
enum Kept {
    /// The winners of the max pool.
    Routing(Routing),
    /// With batch normalisation: see [`Normed`].
    Normed(Normed),
    /// Nothing: no update follows.
    Nothing,
}

impl Conv {
    /// A layer for maps of this shape with new weights, as [`ConvShape::initial`] states.
    ///
    /// # Errors
    /// If the map does not fit the layer, or the device has no memory.
    pub fn new(shape: ConvShape, input: MapShape, device: &Device, random: &mut Random) -> Result<Self> {
        shape.geometry(input)?;
        let in_channels = input.channels;
        let kernel: Vec<usize> =
            (0..3).filter(|&axis| shape.axes[axis]).map(|axis| shape.kernel[axis]).collect();
        let public: Vec<usize> =
            [shape.channels, in_channels].into_iter().chain(kernel.iter().copied()).collect();
        let fan_in = in_channels * kernel.iter().product::<usize>();
        let fan_out = shape.channels * kernel.iter().product::<usize>();
        let order = device::weight_order(public.len());
        let draw = |count| shape.initial.draw(random, count, fan_in, fan_out);
        let weight = Parameter::drawn(device, "weight", &public, &order, draw)?;
        let bias = match shape.bias {
            true => uniform(random, shape.channels, fan_in),
            false => vec![0.0; shape.channels],
        };
        Ok(Self {
            shape,
            in_channels,
            weight,
            bias: match Parameter::plain(device, "bias", &[shape.channels], &bias)? {
                bias if shape.bias => bias,
                bias => bias.fixed(),
            },
            norm: if shape.batch_norm { Some(Norm::new(shape.channels, device)?) } else { None },
            shard: false,
        })
    }

    /// The same as a part of another layer: its parameters are called `part.weight` and so on.
    #[must_use]
    pub fn of_part(self, part: &str) -> Self {
        let norm = self.norm.map(|norm| norm.of_part(part));
        Self { weight: self.weight.of_part(part), bias: self.bias.of_part(part), norm, ..self }
    }

    /// Outer product and, if requested, feedback.
    fn update(&self, call: &device::Backward, pre: &FeatureMap, feedback: bool) -> Result<LayerUpdate> {
        let through = feedback.then(|| self.weight.value());
        let (weight, bias, feedback) = device::backward(call, pre.data(), through)?;
        let updates = if self.shape.bias { vec![weight, bias] } else { vec![weight] };
        Ok(LayerUpdate::new(updates).with_feedback(feedback))
    }

    fn geometry(&self, input: MapShape) -> Result<Geometry> {
        if input.channels != self.in_channels {
            let message = format!("expected {} channels, got {}", self.in_channels, input.channels);
            return Err(Error::shape("convolution", message));
        }
        self.shape.geometry(input)
    }
}

impl EncoderLayer for Conv {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.geometry(input)?;
        self.shape.output(input)
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let geometry = self.geometry(pre.shape())?;
        let shape = self.output(pre.shape())?;
        let (pool, relu) = (self.shape.pool.as_ref(), self.shape.relu);
        let (weight, bias) = (self.weight.value(), self.bias.value());
        let convolve = |pool| {
            let kernel = stage::kernel("forward", geometry.multiplications());
            kernel.in_scope(|| device::forward(&geometry, pool, relu, pre.data(), weight, bias))
        };
        let (post, kept) = match &mut self.norm {
            None => {
                let (post, routing) = convolve(pool)?;
                (post, if phase == Phase::Learn { Kept::Routing(routing) } else { Kept::Nothing })
            }
            Some(norm) => {
                let (active, _) = convolve(None)?;
                let (post, kept) = normed::forward(norm, &geometry, pool, active, phase)?;
                (post, kept.map_or(Kept::Nothing, Kept::Normed))
            }
        };
        Ok(Activity::new(FeatureMap::new(shape, post)?).with_trace(Trace::new(kept)))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let geometry = self.geometry(pre.shape())?;
        let kept: Kept = trace.take()?;
        let on_activation = matches!(factor, PostFactor::Activation(_) | PostFactor::Potential(_));
        let without_bias = matches!(factor, PostFactor::Activation(_));
        let expected = match &factor {
            PostFactor::Activation(values) | PostFactor::Potential(values) => {
                (values.len(), geometry.samples * geometry.output_len())
            }
            PostFactor::PerSample(values) => (values.len(), post.shape().samples() * post.shape().channels),
            PostFactor::PerPosition(values) => (values.len(), post.shape().len()),
        };
        if expected.0 != expected.1 {
            return Err(Error::shape(
                "convolution",
                format!("a post factor of {} values, expected {}", expected.0, expected.1),
            ));
        }
        match (&self.norm, kept) {
            (None, Kept::Routing(routing)) => {
                // Without ρ and pool, the output gives no gate. It only needs the size of the factor.
                let output = match &factor {
                    PostFactor::Activation(values) | PostFactor::Potential(values) => values,
                    _ => post.data(),
                };
                let call = device::Backward {
                    geometry: &geometry,
                    pool: self.shape.pool.as_ref().filter(|_| !on_activation),
                    relu: self.shape.relu && !on_activation,
                    output,
                    routing: &routing,
                    factor: match &factor {
                        PostFactor::PerSample(values) => Factor::PerSample(values),
                        PostFactor::PerPosition(values)
                        | PostFactor::Activation(values)
                        | PostFactor::Potential(values) => Factor::PerPosition(values),
                    },
                    shard: self.shard,
                };
                let mut update = self.update(&call, pre, feedback)?;
                if without_bias && self.shape.bias {
                    // The rule does not see the bias.
                    update.updates[1] = Buffer::zeros(pre.data().device(), self.shape.channels)?;
                }
                Ok(update)
            }
            (Some(norm), Kept::Normed(kept)) => {
                let pool = self.shape.pool.as_ref();
                let [input, weight, bias] =
                    normed::backward(norm, &geometry, pool, &kept, factor, post.shape())?;
                let call = device::Backward {
                    geometry: &geometry,
                    pool: None,
                    relu: self.shape.relu,
                    output: &kept.active,
                    routing: &Routing::default(),
                    factor: Factor::PerPosition(&input),
                    shard: self.shard,
                };
                let mut update = self.update(&call, pre, feedback)?;
                update.updates.extend([weight, bias]);
                Ok(update)
            }
            _ => {
                Err(Error::shape("convolution", "its last pass was not a learning pass, so nothing was kept"))
            }
        }
    }

    /// W · pre, without the bias: rules that use summed inputs do not see or change it.
    fn activation(&mut self, pre: &FeatureMap, potential: bool) -> Result<Option<FeatureMap>> {
        if self.norm.is_some() {
            let message = "does not provide the summed inputs that the rule needs if batch normalisation \
                           follows: remove `batch_norm`";
            return Err(Error::shape("convolution", message));
        }
        let geometry = self.geometry(pre.shape())?;
        let none = Buffer::zeros(pre.data().device(), self.shape.channels)?;
        let bias = if potential { self.bias.value() } else { &none };
        let (activation, _) = device::forward(&geometry, None, false, pre.data(), self.weight.value(), bias)?;
        let shape = pre.shape().with(geometry.output(), self.shape.channels);
        Ok(Some(FeatureMap::new(shape, activation)?))
    }

    fn activation_of_pass(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        _: &Trace,
        potential: bool,
    ) -> Result<Option<FeatureMap>> {
        let ConvShape { relu, bias, batch_norm, pool, .. } = self.shape;
        if relu || (bias && !potential) || batch_norm || pool.is_some() {
            return self.activation(pre, potential);
        }
        Ok(Some(post.clone()))
    }

    fn lateral(&self, lateral: &Lateral) -> Result<Vec<Buffer>> {
        let (channels, value) = (self.shape.channels, self.weight.value());
        if !lateral.fits(channels) {
            let message = format!("has {channels} neurons, got M of {} values", lateral.values().len());
            return Err(Error::shape("convolution", message));
        }
        let inputs = value.len() / channels;
        // In memory a neuron's weights are a row, or else a column.
        let in_rows = device::weight_order(self.weight.shape().len()).first() == Some(&0);
        let moved = match lateral {
            Lateral::Diagonal(each) => ops::scale_each(value, each, if in_rows { inputs } else { 1 })?,
            Lateral::Full(matrix) => {
                let mut moved = Buffer::zeros(value.device(), value.len())?;
                if in_rows {
                    // M W.
                    ops::product(Product::new(channels, inputs, channels), matrix, value, &mut moved)?;
                } else {
                    // (M Wᵀ)ᵀ = W Mᵀ.
                    let product = Product::new(inputs, channels, channels).transpose_b();
                    ops::product(product, value, matrix, &mut moved)?;
                }
                moved
            }
        };
        let bias = Buffer::zeros(value.device(), channels)?;
        Ok(if self.shape.bias { vec![moved, bias] } else { vec![moved] })
    }

    fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.shard = ranks.is_some();
        self.norm.iter_mut().for_each(|norm| norm.across(ranks));
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        let norm = self.norm.iter_mut().flat_map(Norm::parameters);
        [&mut self.weight, &mut self.bias].into_iter().chain(norm).collect()
    }
}
