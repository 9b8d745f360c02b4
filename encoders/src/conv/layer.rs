//! The layer itself: post = maxpool(ρ(W ∗ pre + b)).

use crate::kernels::device;
use crate::kernels::{Geometry, Pool, Routing};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::Rng;

/// The sizes of a convolution layer, on time, row and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Neurons at each position of the output.
    pub channels: usize,
    /// Which axes the public layout of the weights has.
    pub axes: [bool; 3],
    /// Taps.
    pub kernel: [usize; 3],
    /// Distance of windows.
    pub stride: [usize; 3],
    /// Zeros on either side.
    pub padding: [usize; 3],
    /// Whether ρ is ReLU; else the identity.
    pub relu: bool,
    /// Max pool after ρ.
    pub pool: Option<Pool>,
}

/// A convolution with ReLU and max pool.
///
/// # Biological roles
/// *pre*: the window under a neuron; *post*: z = ρ(a), a = W · pre + b; max pooling is lateral inhibition: of the
/// neurons in a window only the winner is heard, and only its synapses learn. *trace*: who won.
///
/// # Shapes
/// `[sample, t, y, x, in] → [sample, t', y', x', channels]`, t' = ⌊(⌊(t + 2p − k)/s⌋ + 1 − size)/stride⌋ + 1.
#[derive(Debug)]
pub struct Conv {
    shape: ConvShape,
    in_channels: usize,
    weight: Parameter,
    bias: Parameter,
}

impl Conv {
    /// A layer with fresh weights, uniform in ±1/√(fan-in) as PyTorch's.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(shape: ConvShape, in_channels: usize, device: &Device, random: &mut Random) -> Result<Self> {
        let kernel: Vec<usize> =
            (0..3).filter(|&axis| shape.axes[axis]).map(|axis| shape.kernel[axis]).collect();
        let public: Vec<usize> =
            [shape.channels, in_channels].into_iter().chain(kernel.iter().copied()).collect();
        let fan_in = (in_channels * kernel.iter().product::<usize>()).max(1);
        let bound = 1.0 / (fan_in as f32).sqrt();
        let mut uniform =
            |len: usize| -> Vec<f32> { (0..len).map(|_| random.random_range(-bound..bound)).collect() };
        let weight = uniform(public.iter().product());
        let bias = uniform(shape.channels);
        let order = device::weight_order(public.len());
        Ok(Self {
            shape,
            in_channels,
            weight: Parameter::new(device, "weight", &public, &order, &weight)?,
            bias: Parameter::plain(device, "bias", &[shape.channels], &bias)?,
        })
    }

    fn geometry(&self, input: MapShape) -> Result<Geometry> {
        if input.channels != self.in_channels {
            let message = format!("expected {} channels, got {}", self.in_channels, input.channels);
            return Err(Error::shape("convolution", message));
        }
        let ConvShape { channels, kernel, stride, padding, .. } = self.shape;
        let geometry = Geometry {
            samples: input.samples(),
            input: input.extent,
            in_channels: input.channels,
            out_channels: channels,
            kernel,
            stride,
            padding,
        };
        if geometry.pooled(self.shape.pool.as_ref()).contains(&0) {
            let message =
                format!("a kernel of {kernel:?} with its pool does not fit a map of {:?}", input.extent);
            return Err(Error::shape("convolution", message));
        }
        Ok(geometry)
    }
}

impl EncoderLayer for Conv {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let geometry = self.geometry(input)?;
        Ok(input.with(geometry.pooled(self.shape.pool.as_ref()), self.shape.channels))
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let geometry = self.geometry(pre.shape())?;
        let shape = self.output(pre.shape())?;
        let (pool, relu) = (self.shape.pool.as_ref(), self.shape.relu);
        let (post, routing) =
            device::forward(&geometry, pool, relu, pre.data(), self.weight.value(), self.bias.value())?;
        Ok(Activity { post: FeatureMap::new(shape, post)?, trace: Trace::new(routing) })
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
        let routing: Routing = trace.take()?;
        let on_activation = matches!(factor, PostFactor::Activation(_));
        let expected = match &factor {
            PostFactor::Activation(values) => (values.len(), geometry.samples * geometry.output_len()),
            PostFactor::PerSample(values) => (values.len(), post.shape().samples() * post.shape().channels),
            PostFactor::PerPosition(values) => (values.len(), post.shape().len()),
        };
        if expected.0 != expected.1 {
            return Err(Error::shape(
                "convolution",
                format!("a post factor of {} values, expected {}", expected.0, expected.1),
            ));
        }
        let call = device::Backward {
            geometry: &geometry,
            pool: self.shape.pool.as_ref().filter(|_| !on_activation),
            relu: self.shape.relu && !on_activation,
            output: post.data(),
            routing: &routing,
            factor: &factor,
        };
        let (weight, bias) = device::outer(&call, pre.data())?;
        let feedback = feedback.then(|| device::feedback(&call, self.weight.value())).transpose()?;
        Ok(LayerUpdate { updates: vec![weight, bias], feedback })
    }

    fn activation(&mut self, pre: &FeatureMap) -> Result<Option<FeatureMap>> {
        let geometry = self.geometry(pre.shape())?;
        let (weight, bias) = (self.weight.value(), self.bias.value());
        let (activation, _) = device::forward(&geometry, None, false, pre.data(), weight, bias)?;
        let shape = pre.shape().with(geometry.output(), self.shape.channels);
        Ok(Some(FeatureMap::new(shape, activation)?))
    }

    fn lateral(&self, matrix: &Buffer) -> Result<Vec<Buffer>> {
        let channels = self.shape.channels;
        let through = |parameter: &Parameter| -> Result<Buffer> {
            let inputs = parameter.value().len() / channels;
            let mut moved = Buffer::zeros(matrix.device(), parameter.value().len())?;
            // In memory a neuron's weights are a column: (M Wᵀ)ᵀ = W Mᵀ.
            let product = Product::new(inputs, channels, channels).transpose_b();
            ops::product(product, parameter.value(), matrix, &mut moved)?;
            Ok(moved)
        };
        Ok(vec![through(&self.weight)?, through(&self.bias)?])
    }

    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.weight, &self.bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}
