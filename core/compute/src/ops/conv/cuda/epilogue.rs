//! Bias, ReLU and max pool after a product; and their transpose, before the outer product and the feedback.

use super::shape::{Routing, Shape, Window, threads};
use super::{Backward, Factor, KERNELS, fits};
use crate::device::Buffer;
use crate::device::cuda::{Launch, Values};
use crate::ops::conv::{Geometry, Pool};
use crate::{Result, ops};
use std::cell::OnceCell;

/// The name of a kernel for `values`; with four neighbouring channels per thread if channels are a multiple of four.
macro_rules! kernel {
    ($values:expr, $channels:expr, $name:literal) => {
        match ($values, $channels % 4) {
            (Values::Single, 0) => (concat!($name, "_single_4"), 4),
            (Values::Single, _) => (concat!($name, "_single_1"), 1),
            (Values::Half, 0) => (concat!($name, "_half_4"), 4),
            (Values::Half, _) => (concat!($name, "_half_1"), 1),
        }
    };
}
pub(super) use kernel;

/// Bias, then ReLU if requested, then the pool if there is one, on a convolution's `raw` output.
pub(super) fn activate(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    raw: Buffer,
    bias: &Buffer,
) -> Result<(Buffer, Routing)> {
    run(g, pool, relu, &raw, Some(bias))
}

/// Only a max pool.
pub(super) fn pool(g: &Geometry, pool: &Pool, input: &Buffer) -> Result<(Buffer, Routing)> {
    run(g, Some(pool), false, input, None)
}

fn run(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    raw: &Buffer,
    bias: Option<&Buffer>,
) -> Result<(Buffer, Routing)> {
    let (device, values) = (raw.device(), raw.values());
    let len = g.samples * g.pooled(pool).iter().product::<usize>() * g.out_channels;
    // Without a pool, the memory of `raw` becomes the output: every thread reads its own values first.
    let out = if pool.is_some() { Buffer::unset_as(device, len, values)? } else { raw.clone() };
    let routing = if pool.is_some() { Routing::unset(device, len)? } else { Routing::default() };
    let (name, wide) = kernel!(values, g.out_channels, "pool");
    let count = len / wide;
    let launch = Launch::new(device, &KERNELS, name)?
        .pointer(raw.pointer_as(values)?)
        .pointer(bias.map_or(Ok(0), Buffer::pointer)?)
        .pointer(out.pointer_as(values)?)
        .pointer(routing.pointer())
        .value(Shape::of(g)?)
        .value(Window::of(g, pool)?)
        .value(i32::from(relu))
        .value(threads(count)?);
    // SAFETY: the arguments are those of `pool` in conv.cu; `raw` has g.output() positions a sample, `out` and the
    // codes those after the pool, `bias` one value per channel. `raw` was made for this call, or is not written.
    unsafe { launch.each(count)? };
    Ok((out, routing))
}

/// A post factor, and the data that carries it back to the convolution's output: the routing, or the output itself.
pub(super) struct Unrouted<'a> {
    g: &'a Geometry,
    pool: Option<&'a Pool>,
    window: Window,
    pooled: usize,
    output: &'a Buffer,
    routed: Option<&'a Routing>,
    /// Whether the output gates the factor (ReLU without a pool; with a pool the routing has the gate).
    gated: bool,
    post: &'a Buffer,
    per_sample: bool,
    map: OnceCell<Buffer>,
}

/// A post factor by value, as kernels take it: `struct Post` of `conv.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Post {
    values: u64,
    per_sample: i32,
    half: i32,
    /// A factor per sample is divided by the number of positions.
    share: f32,
}

/// Pooled positions whose factors one thread sums up: a run in each of some samples. `struct Slab` of `conv.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Slab {
    samples: u32,
    depth: u32,
    /// Runs that make a sample.
    parts: u32,
}

impl Slab {
    /// About 64 positions: a part of a sample, or several samples if one has fewer.
    fn of(pooled: usize) -> Result<Self> {
        let depth = pooled.clamp(1, 64);
        Ok(Self {
            samples: threads(64 / depth)?,
            depth: threads(depth)?,
            parts: threads(pooled.div_ceil(depth))?,
        })
    }
}

impl<'a> Unrouted<'a> {
    pub(super) fn new(call: &'a Backward<'a>) -> Result<Self> {
        let (g, output, routing) = (call.geometry, call.output, call.routing);
        let pooled = g.pooled(call.pool).iter().product::<usize>();
        let len = g.samples * pooled * g.out_channels;
        let gated = call.relu && call.pool.is_none();
        if gated {
            fits("output", output.len(), len)?;
        }
        if call.pool.is_some() {
            fits("routing", routing.len(), len)?;
        }
        let (post, per_sample) = match call.factor {
            Factor::PerSample(post) => (post, true),
            Factor::PerPosition(post) => (post, false),
        };
        fits("post factor", post.len(), if per_sample { g.samples * g.out_channels } else { len })?;
        let routed = call.pool.map(|_| routing);
        let (pool, window) = (call.pool, Window::of(g, call.pool)?);
        Ok(Self { g, pool, window, pooled, output, routed, gated, post, per_sample, map: OnceCell::new() })
    }

    /// The type in memory of the gate and of the map that [`map`](Self::map) makes.
    pub(super) fn values(&self) -> Values {
        if self.gated { self.output.values() } else { self.output.device().values() }
    }

    /// The address of the gate; null if there is none.
    pub(super) fn marks(&self) -> Result<u64> {
        if self.gated { self.output.pointer_as(self.values()) } else { Ok(0) }
    }

    /// The post factor.
    pub(super) fn post(&self) -> Result<Post> {
        let share = if self.per_sample { 1.0 / self.pooled as f32 } else { 1.0 };
        let values = self.post.widest();
        Ok(Post {
            values: self.post.pointer_as(values)?,
            per_sample: i32::from(self.per_sample),
            half: i32::from(values == Values::Half),
            share,
        })
    }

    /// Whether the pool's windows are 2×2, adjacent, and cover the whole map.
    fn in_fours(&self) -> bool {
        let [_, y, x] = self.g.output();
        let fours = Pool { size: [1, 2, 2], stride: [1, 2, 2] };
        self.pool == Some(&fours) && y % 2 == 0 && x % 2 == 0
    }

    /// `[samples, g.output(), out]`: the factor at every position of the convolution's output; made at the first call.
    pub(super) fn map(&self) -> Result<&Buffer> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        let map = self.make_map()?;
        Ok(self.map.get_or_init(|| map))
    }

    fn make_map(&self) -> Result<Buffer> {
        let (device, values) = (self.post.device(), self.values());
        let len = self.g.samples * self.g.output_len();
        let map = Buffer::unset_as(device, len, values)?;
        let fours = self.in_fours();
        let (name, wide) = match fours {
            true => kernel!(values, self.g.out_channels, "unroute_2x2"),
            false => kernel!(values, self.g.out_channels, "unroute"),
        };
        let count = if fours { len / 4 } else { len } / wide;
        let launch = Launch::new(device, &KERNELS, name)?
            .value(self.post()?)
            .pointer(self.routed.map_or(0, Routing::pointer))
            .pointer(self.marks()?)
            .pointer(map.pointer_as(values)?)
            .value(Shape::of(self.g)?)
            .value(self.window)
            .value(threads(count)?);
        // SAFETY: the arguments are those of `unroute` in conv.cu, which `unroute_2x2` has too; lengths were checked in
        // `new`, and windows in fours cover the map.
        unsafe { launch.each(count)? };
        Ok(map)
    }

    /// `[out]`: the factor summed over samples and positions.
    pub(super) fn bias(&self) -> Result<Buffer> {
        let (device, values, channels) = (self.post.device(), self.values(), self.g.out_channels);
        let name = if values == Values::Half { "bias_sums_half" } else { "bias_sums_single" };
        let slab = Slab::of(self.pooled)?;
        let slabs = self.g.samples.div_ceil(slab.samples as usize) * slab.parts as usize;
        let mut sums = Buffer::unset(device, slabs * channels)?;
        let launch = Launch::new(device, &KERNELS, name)?
            .value(self.post()?)
            .pointer(self.routed.map_or(0, Routing::pointer))
            .pointer(self.marks()?)
            .pointer(sums.pointer_mut()?)
            .value(threads(channels)?)
            .value(threads(self.pooled)?)
            .value(threads(self.g.samples)?)
            .value(slab)
            .value(threads(slabs * channels)?);
        // SAFETY: the arguments are those of `bias_sums` in conv.cu; lengths were checked in `new`.
        unsafe { launch.each(slabs * channels)? };
        ops::column_sums(&sums, channels)
    }
}
