//! Outer product of a post factor with the presynaptic input.
//!
//! Few weights are summed separately ([`apart`]), many weights together ([`together`]).

mod apart;
mod operands;
mod together;

use crate::bf16::Arithmetic;
use crate::device::Scratch;
use crate::ops::conv::cpu::level::arch;
use crate::ops::conv::cpu::lowering::Lowering;
use crate::ops::conv::cpu::plan::{Path, Plan, lowering};
use crate::ops::conv::cpu::unroute::Unroute;
use crate::ops::conv::cpu::{Geometry, direct, wide};
use operands::Operands;

/// `ΔW[tap, i, o] = Σ_{sample, position} post[position, o] · x[position + tap, i]` and
/// `Δb[o] = Σ post[position, o]`, where the post factor has passed back through pool and ReLU (see
/// `unroute.rs`). Uses the plan for `g`. Both results are overwritten.
///
/// # Shapes
/// `input` as in [`forward`](super::forward()), `d_weight` `[t, y, x, in, out]`, `d_bias` `[out]`.
///
/// # Panics
/// If a slice does not fit `g`.
pub(super) fn outer(
    plan: Plan,
    g: &Geometry,
    input: &[f32],
    unroute: &Unroute<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    if let Some(post) = unroute.plain()
        && wide::suits(plan, g)
    {
        wide::outer(plan, g, input, post, d_weight, d_bias);
        return;
    }
    outer_by(plan, g, input, unroute, d_weight, d_bias);
}

/// [`outer`] of all outgoing channels at once.
pub(in crate::ops::conv::cpu) fn outer_by(
    plan: Plan,
    g: &Geometry,
    input: &[f32],
    unroute: &Unroute<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    assert_eq!(input.len(), g.samples * g.input_len(), "length of the input");
    assert_eq!(d_weight.len(), g.weights(), "length of the weights");
    assert_eq!(d_bias.len(), g.out_channels, "length of the bias");
    if unroute.is_empty() {
        d_weight.fill(0.0);
        d_bias.fill(0.0);
        return;
    }
    let mut biases = Scratch::zeros(g.samples * g.out_channels);
    if let (Path::Direct, Arithmetic::Half(kernel)) = (plan.path, plan.arithmetic) {
        direct::outer(kernel, g, input, unroute, &mut biases, d_weight);
    } else {
        let lowering = lowering(plan.path, g);
        let operands = Operands { lowering: &*lowering, arithmetic: plan.arithmetic };
        let work = Work { g, operands, unroute, input };
        let sums = if apart::suits(&*lowering) {
            apart::sum(&work, &mut biases)
        } else {
            together::sum(&work, &mut biases)
        };
        lowering.gradient(&sums, d_weight);
    }
    if plan.double_biases {
        for (channel, d_bias) in d_bias.iter_mut().enumerate() {
            let of_samples = biases.iter().skip(channel).step_by(g.out_channels);
            *d_bias = of_samples.map(|&bias| f64::from(bias)).sum::<f64>() as f32;
        }
        return;
    }
    d_bias.fill(0.0);
    for bias in biases.chunks(g.out_channels) {
        add(d_bias, bias);
    }
}

/// The sums to compute: `[panel, product, depth, width]` over all rows of all samples, and the post
/// factor of each sample over its positions.
struct Work<'a> {
    g: &'a Geometry,
    operands: Operands<'a>,
    unroute: &'a Unroute<'a>,
    input: &'a [f32],
}

/// `sums += values`.
fn add(sums: &mut [f32], values: &[f32]) {
    arch().dispatch(
        #[inline(always)]
        || {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        },
    );
}

/// Length of the sums, `[panel, product, depth, width]`.
fn sums_len(lowering: &dyn Lowering) -> usize {
    lowering.panels() * lowering.products() * lowering.depth() * lowering.width()
}
