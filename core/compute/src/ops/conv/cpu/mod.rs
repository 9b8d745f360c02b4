//! Convolutions on the CPU.
//!
//! `plan` chooses by shape how a layer becomes matrix products: `Path`. Most paths share the drivers (`forward.rs`,
//! `outer.rs`, `feedback.rs`) and two matrix products (`matmul.rs`); such a path is a `Lowering`, which makes operands
//! from a map, the weights and a post factor. The path for bfloat16 tiles has drivers of its own (`direct`).
//!
//! The division of work depends only on the shape, and sums have a fixed order. So results have the same bits for
//! any number of threads (but not on processors with different instruction sets).

mod direct;
mod feedback;
mod forward;
mod im2col;
mod level;
mod lowering;
mod matmul;
mod outer;
mod panels;
mod plan;
mod pool;
#[cfg(test)]
mod reference;
mod unroute;
mod wide;
mod winograd;

use lowering::Activation;
use plan::{Plan, forward_plan, plan};
pub use pool::Routing;
use unroute::Unroute;

use super::{Backward, Factor, Geometry, Pool};
use crate::bf16::{Arithmetic, Family};
use crate::device::{Buffer, Device, Operand, Precision};
use crate::{Result, stage};

/// The post factor of `ΔW = Σ post ⊗ pre`, on the layer's output after ReLU and pooling.
#[derive(Clone, Copy, Debug)]
enum Post<'a> {
    /// `[sample, out]`: factor of the mean over positions; each position gets `value / positions`.
    PerSample(&'a [f32]),
    /// `[sample, t, y, x, out]`: a factor for every position of the layer's output map.
    PerPosition(&'a [f32]),
}

impl Backward<'_> {
    /// The plan of its products on `device`.
    fn plan(&self, device: &Device) -> Plan {
        let plan = plan(Arithmetic::of(device), self.geometry);
        Plan { double_biases: self.shard, rounded: Operand::rounds(device, plan.arithmetic), ..plan }
    }

    /// Its post factor, before pool and ReLU.
    fn unroute(&self, plan: Plan) -> Unroute<'_> {
        let post = match self.factor {
            Factor::PerSample(values) => Post::PerSample(values.as_slice()),
            Factor::PerPosition(values) => Post::PerPosition(values.as_slice()),
        };
        let output = self.output.as_slice();
        Unroute::new(self.geometry, self.pool, self.relu, output, self.routing, post, plan.rounded)
    }
}

/// The library that computes convolutions, for reports.
pub fn library(device: &Device) -> String {
    match device.precision() {
        Precision::Bf16 => format!("kernels of this crate, bf16: {}", Family::here()),
        _ => "kernels of this crate".to_owned(),
    }
}

/// The order in memory of the axes `[out, in, taps…]` of weights: taps first, `out` fastest.
pub fn weight_order(rank: usize) -> Vec<usize> {
    (2..rank).chain([1, 0]).collect()
}

/// See `forward.rs`.
///
/// # Errors
/// If the device has no memory.
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
    let plan = forward_plan(Arithmetic::of(input.device()), geometry);
    let [operand, weight] =
        [input, weight].map(|values| Operand::new(input.device(), plan.arithmetic, values.as_slice()));
    let activation = Activation { bias: Some(bias.as_slice()), relu };
    let routing =
        forward::forward(plan, geometry, pool, &operand, &weight, activation, output.as_mut_slice());
    Ok((output, routing))
}

/// [`outer`], and [`feedback`] if weights are given. On CUDA the two share work.
///
/// # Errors
/// If the device has no memory.
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

/// See `outer.rs`: the directions in which weights and biases move.
///
/// # Errors
/// If the device has no memory.
pub fn outer(call: &Backward, input: &Buffer) -> Result<(Buffer, Buffer)> {
    let mut weight = Buffer::unset(input.device(), call.geometry.weights())?;
    let mut bias = Buffer::unset(input.device(), call.geometry.out_channels)?;
    let plan = call.plan(input.device());
    outer::outer(
        plan,
        call.geometry,
        &Operand::new(input.device(), plan.arithmetic, input.as_slice()),
        &call.unroute(plan),
        weight.as_mut_slice(),
        bias.as_mut_slice(),
    );
    Ok((weight, bias))
}

/// See `feedback.rs`: the post factor of the layer below.
///
/// # Errors
/// If the device has no memory.
pub fn feedback(call: &Backward, weight: &Buffer) -> Result<Buffer> {
    let len = call.geometry.samples * call.geometry.input_len();
    let mut input = Buffer::unset(weight.device(), len)?;
    let plan = call.plan(weight.device());
    let operand = Operand::new(weight.device(), plan.arithmetic, weight.as_slice());
    feedback::feedback(plan, call.geometry, &operand, &call.unroute(plan), input.as_mut_slice());
    Ok(input)
}

/// Pools the output of `geometry`'s convolution.
///
/// # Errors
/// If the device has no memory.
pub fn max_pool(geometry: &Geometry, pool: &Pool, input: &Buffer) -> Result<(Buffer, Routing)> {
    let positions = pool.output(geometry.output()).iter().product::<usize>();
    let mut output = Buffer::unset(input.device(), geometry.samples * positions * geometry.out_channels)?;
    let (input, channels) = (input.as_slice(), geometry.out_channels);
    let routing = pool::max_pool(geometry.output(), channels, pool, input, output.as_mut_slice());
    Ok((output, routing))
}

/// The post factor of the input of [`max_pool`].
///
/// # Errors
/// If the device has no memory.
pub fn max_unpool(geometry: &Geometry, pool: &Pool, routing: &Routing, factor: &Buffer) -> Result<Buffer> {
    let mut input = Buffer::unset(factor.device(), geometry.samples * geometry.output_len())?;
    let (factor, channels) = (factor.as_slice(), geometry.out_channels);
    pool::max_unpool(geometry.output(), channels, pool, routing, factor, input.as_mut_slice());
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few channels, so that most families use the kernels of `f32`.
    #[test]
    fn at_bf16_operands_are_rounded_but_not_what_biases_sum() {
        let device = Device::open().unwrap();
        device.set_precision(Precision::Bf16).unwrap();
        let on = |values: &[f32]| Buffer::from_vec(&device, values.to_vec()).unwrap();
        let one = [1; 3];
        let (input, kernel, stride, padding) = ([1, 1, 3], one, one, [0; 3]);
        let geometry =
            Geometry { samples: 1, input, in_channels: 1, out_channels: 1, kernel, stride, padding };
        let (input, output, routing) = (on(&[1.001; 3]), on(&[1.0; 3]), Routing::default());
        // 3.01 would be rounded to more than 3, and a third of that to more than 1.
        let (map, mean) = (on(&[1.001; 3]), on(&[3.01]));
        for (factor, sum) in [(Factor::PerPosition(&map), 3.003), (Factor::PerSample(&mean), 3.01)] {
            let (geometry, output, routing) = (&geometry, &output, &routing);
            let call = Backward { geometry, pool: None, relu: true, output, routing, factor, shard: false };
            let (d_weight, d_bias) = outer(&call, &input).unwrap();
            assert_eq!(d_weight.as_slice(), [3.0]);
            approx::assert_relative_eq!(d_bias.as_slice()[0], sum, max_relative = 1e-6);
            assert_eq!(feedback(&call, &on(&[1.001])).unwrap().as_slice(), [1.0; 3]);
        }
    }
}
