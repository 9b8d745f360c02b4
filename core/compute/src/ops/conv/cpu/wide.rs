//! Wide layers on few positions: processes one group of outgoing channels after another, each as a separate layer.
//!
//! In such layers, the operands of a tile algorithm are many times larger than the weights, and each is used only
//! a few times. The operands of one group stay in the first caches until they are used. So only the weights are
//! read from memory.

use rayon::prelude::*;

use super::forward::forward_by;
use super::lowering::Activation;
use super::outer::outer_by;
use super::plan::{Path, Plan};
use super::pool::Routing;
use super::unroute::Unroute;
use super::{Geometry, Post};
use crate::device::Scratch;

/// Outgoing channels of a group.
const GROUP: usize = 64;
/// The largest number of positions of all samples for which groups are used.
const POSITIONS: usize = 1024;
/// The least number of weights for which groups are used.
const WEIGHTS: usize = 1 << 20;

/// Whether `g` is such a layer and its path uses tiles.
pub(super) fn suits(plan: Plan, g: &Geometry) -> bool {
    let positions = g.samples * g.output().iter().product::<usize>();
    let few = positions <= POSITIONS && g.weights() >= WEIGHTS && g.out_channels >= 2 * GROUP;
    few && g.padding == [0, 0, 0] && !matches!(plan.path, Path::Im2col | Path::Direct)
}

/// The first channel of every group, and the layer of this group.
fn groups(g: &Geometry) -> Vec<(usize, Geometry)> {
    let group = |first| (first, Geometry { out_channels: GROUP.min(g.out_channels - first), ..*g });
    (0..g.out_channels).step_by(GROUP).map(group).collect()
}

/// The channels `first..` of rows of `all`, as many as a row of `part` has.
fn take(rows: &[f32], all: usize, first: usize, part: &mut [f32], count: usize) {
    for (part, row) in part.chunks_exact_mut(count).zip(rows.chunks_exact(all)) {
        part.copy_from_slice(&row[first..first + count]);
    }
}

/// Joins the parts of all groups of channels.
fn side_by_side(parts: &[Scratch], all: usize, into: &mut [f32]) {
    into.par_chunks_exact_mut(all).with_min_len(64).enumerate().for_each(|(row, into)| {
        for (part, into) in parts.iter().zip(into.chunks_mut(GROUP)) {
            into.copy_from_slice(&part[row * into.len()..(row + 1) * into.len()]);
        }
    });
}

/// As [`forward`](super::forward::forward) without a pool.
pub(super) fn forward(
    plan: Plan,
    g: &Geometry,
    input: &[f32],
    weight: &[f32],
    activation: Activation<'_>,
    output: &mut [f32],
) {
    let parts: Vec<Scratch> = groups(g)
        .into_par_iter()
        .map(|(first, group)| {
            let count = group.out_channels;
            let mut own = Scratch::new(group.weights());
            take(weight, g.out_channels, first, &mut own, count);
            let mut part = Scratch::new(group.samples * group.output_len());
            let bias = activation.bias.map(|bias| &bias[first..first + count]);
            forward_by(plan, &group, None, input, &own, Activation { bias, ..activation }, &mut part);
            part
        })
        .collect();
    side_by_side(&parts, g.out_channels, output);
}

/// As [`outer`](super::outer::outer) of a factor for every position, without a pool and without ReLU.
pub(super) fn outer(
    plan: Plan,
    g: &Geometry,
    input: &[f32],
    post: &[f32],
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    let parts: Vec<(Scratch, Vec<f32>)> = groups(g)
        .into_par_iter()
        .map(|(first, group)| {
            let count = group.out_channels;
            let mut own = Scratch::new(group.samples * group.output_len());
            take(post, g.out_channels, first, &mut own, count);
            let (mut weight, mut bias) = (Scratch::new(group.weights()), vec![0.0; count]);
            let (none, factor) = (Routing::default(), Post::PerPosition(&own));
            let unroute = Unroute::new(&group, None, false, &own, &none, factor, plan.rounded);
            outer_by(plan, &group, input, &unroute, &mut weight, &mut bias);
            (weight, bias)
        })
        .collect();
    let (weights, biases): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    side_by_side(&weights, g.out_channels, d_weight);
    d_bias.copy_from_slice(&biases.concat());
}
