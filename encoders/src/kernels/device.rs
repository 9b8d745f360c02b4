//! The kernels on device buffers: what layers call.

use super::{Geometry, Pool, Post, Routing};
use plasticity_core::device::Buffer;
use plasticity_core::layer::PostFactor;
use plasticity_core::{Result, stage};

/// What the two backward stages share.
pub struct Backward<'a> {
    /// Sizes.
    pub geometry: &'a Geometry,
    /// Max pool after ρ.
    pub pool: Option<&'a Pool>,
    /// Whether ρ is ReLU.
    pub relu: bool,
    /// The layer's output.
    pub output: &'a Buffer,
    /// What pooling left behind.
    pub routing: &'a Routing,
    /// The post factor of the output.
    pub factor: &'a PostFactor,
}

impl Backward<'_> {
    fn post(&self) -> Post<'_> {
        match self.factor {
            PostFactor::PerSample(values) => Post::PerSample(values.as_slice()),
            PostFactor::PerPosition(values) | PostFactor::Activation(values) => {
                Post::PerPosition(values.as_slice())
            }
        }
    }
}

/// The order in memory of the axes `[out, in, taps…]` of weights: taps first, `out` fastest.
pub fn weight_order(rank: usize) -> Vec<usize> {
    (2..rank).chain([1, 0]).collect()
}

/// See [`super::forward`].
///
/// # Errors
/// Where the device has no room.
pub fn forward(
    geometry: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &Buffer,
    weight: &Buffer,
    bias: &Buffer,
) -> Result<(Buffer, Routing)> {
    let len = geometry.samples * geometry.pooled(pool).iter().product::<usize>() * geometry.out_channels;
    let mut output = Buffer::unset(input.device(), len)?;
    let (input, weight, bias) = (input.as_slice(), weight.as_slice(), bias.as_slice());
    let routing = super::forward(geometry, pool, relu, input, weight, bias, output.as_mut_slice());
    Ok((output, routing))
}

/// [`outer`], and [`feedback`] where there are weights to send it through: on CUDA they share work.
///
/// # Errors
/// Where the device has no room.
pub fn backward(
    call: &Backward,
    input: &Buffer,
    weight: Option<&Buffer>,
) -> Result<(Buffer, Buffer, Option<Buffer>)> {
    let work = call.geometry.multiplications();
    let (d_weight, d_bias) = stage::kernel("outer", work).in_scope(|| outer(call, input))?;
    let back = |weight| stage::kernel("feedback", work).in_scope(|| feedback(call, weight));
    Ok((d_weight, d_bias, weight.map(back).transpose()?))
}

/// See [`super::outer`]: the directions in which weights and biases move.
///
/// # Errors
/// Where the device has no room.
pub fn outer(call: &Backward, input: &Buffer) -> Result<(Buffer, Buffer)> {
    let mut weight = Buffer::unset(input.device(), call.geometry.weights())?;
    let mut bias = Buffer::unset(input.device(), call.geometry.out_channels)?;
    super::outer(
        call.geometry,
        call.pool,
        call.relu,
        input.as_slice(),
        call.output.as_slice(),
        call.routing,
        call.post(),
        weight.as_mut_slice(),
        bias.as_mut_slice(),
    );
    Ok((weight, bias))
}

/// See [`super::feedback`]: the post factor of the layer below.
///
/// # Errors
/// Where the device has no room.
pub fn feedback(call: &Backward, weight: &Buffer) -> Result<Buffer> {
    let len = call.geometry.samples * call.geometry.input_len();
    let mut input = Buffer::unset(weight.device(), len)?;
    super::feedback(
        call.geometry,
        call.pool,
        call.relu,
        weight.as_slice(),
        call.output.as_slice(),
        call.routing,
        call.post(),
        input.as_mut_slice(),
    );
    Ok(input)
}

/// See [`super::max_pool`]: pools the output of `geometry`'s convolution.
///
/// # Errors
/// Where the device has no room.
pub fn max_pool(geometry: &Geometry, pool: &Pool, input: &Buffer) -> Result<(Buffer, Routing)> {
    let positions = pool.output(geometry.output()).iter().product::<usize>();
    let mut output = Buffer::unset(input.device(), geometry.samples * positions * geometry.out_channels)?;
    let (input, channels) = (input.as_slice(), geometry.out_channels);
    let routing = super::max_pool(geometry.output(), channels, pool, input, output.as_mut_slice());
    Ok((output, routing))
}

/// See [`super::max_unpool`]: the post factor of what [`max_pool`] pooled.
///
/// # Errors
/// Where the device has no room.
pub fn max_unpool(geometry: &Geometry, pool: &Pool, routing: &Routing, factor: &Buffer) -> Result<Buffer> {
    let mut input = Buffer::unset(factor.device(), geometry.samples * geometry.output_len())?;
    let (factor, channels) = (factor.as_slice(), geometry.out_channels);
    super::max_unpool(geometry.output(), channels, pool, routing, factor, input.as_mut_slice());
    Ok(input)
}
