//! The operations on an NVIDIA GPU: cuBLAS for products, kernels of our own for the rest. Sums run in an order
//! that shape alone sets, without atomics, so that a run's bits repeat.

mod contrast;
mod gemm;
mod pairs;

pub use contrast::contrast;
pub use gemm::{Gemm, gemm};
pub use pairs::{add_at, pair_dendrites, pair_scores, put_rows, swap_axes, take_rows};

use super::Product;
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch, Values};
use crate::error::{Error, Result};
use crate::map::MapShape;
use crate::optimiser::{AdamStep, AdamTensor};
use crate::representation::{Pooling, RepresentationShape};

static KERNELS: Kernels = Kernels {
    name: "plasticity_ops",
    source: concat!(include_str!("sum.cuh"), include_str!("ops.cu")),
    functions: &[
        "add",
        "scale",
        "column_sums",
        "sum",
        "add_singles",
        "adam",
        "sgd",
        "pool_single",
        "pool_half",
        "spread",
    ],
};

/// C = A · B (+ C): see [`Product`]. Operands are rounded as the device's precision says.
///
/// # Errors
/// Where an operand reaches past its buffer.
pub fn product(p: Product, a: &Buffer, b: &Buffer, c: &mut Buffer) -> Result<()> {
    let fits = p.a + p.m * p.k <= a.len() && p.b + p.k * p.n <= b.len() && p.c + p.m * p.n <= c.len();
    if !fits {
        let message = format!("{p:?} does not fit buffers of {}, {} and {}", a.len(), b.len(), c.len());
        return Err(Error::shape("matrix product", message));
    }
    let device = a.device();
    let values = device.values();
    let at = |buffer: &Buffer, start: usize| Ok(buffer.pointer_as(values)? + values.bytes() * start as u64);
    let (from_a, from_b) = (at(a, p.a)?, at(b, p.b)?);
    let rounded = Gemm {
        m: p.m,
        n: p.n,
        k: p.k,
        transpose_a: p.transpose_a,
        transpose_b: p.transpose_b,
        accumulate: p.accumulate,
        operands: values,
        result: Values::Single,
    };
    let to = c.pointer_mut()? + 4 * p.c as u64;
    // SAFETY: the three parts lie inside their buffers, as checked above.
    unsafe { gemm(device, rounded, from_a, from_b, to) }
}

/// a ← a + factor · b.
///
/// # Errors
/// Where the lengths differ.
pub fn add(a: &mut Buffer, factor: f32, b: &Buffer) -> Result<()> {
    same_length("sum", a.len(), b.len())?;
    let (device, len) = (a.device().clone(), a.len());
    let launch = Launch::new(&device, &KERNELS, "add")?;
    let launch = launch.pointer(a.pointer_mut()?).value(factor).pointer(b.pointer()?).value(len as u64);
    // SAFETY: the kernel takes (a, factor, b, count), one element a thread; both hold `len` values.
    unsafe { launch.each(len) }
}

/// a ← factor · a.
///
/// # Errors
/// Where the device refuses.
pub fn scale(a: &mut Buffer, factor: f32) -> Result<()> {
    let (device, len) = (a.device().clone(), a.len());
    let launch = Launch::new(&device, &KERNELS, "scale")?;
    let launch = launch.pointer(a.pointer_mut()?).value(factor).value(len as u64);
    // SAFETY: the kernel takes (a, factor, count), one element a thread.
    unsafe { launch.each(len) }
}

/// The sum of every column of a row-major matrix of `columns` columns.
///
/// # Errors
/// Where the length is no multiple of `columns`.
pub fn column_sums(a: &Buffer, columns: usize) -> Result<Buffer> {
    if columns == 0 || !a.len().is_multiple_of(columns) {
        return Err(Error::shape("column sums", format!("{} values do not make rows of {columns}", a.len())));
    }
    if columns == 1 {
        return sum(a);
    }
    let rows = a.len() / columns;
    let slabs = rows.div_ceil(ROWS_OF_A_SLAB).max(1);
    let parts = sums_of_slabs(a, rows, columns, slabs)?;
    if slabs == 1 { Ok(parts) } else { column_sums(&parts, columns) }
}

/// Rows that one thread of `column_sums` adds up.
const ROWS_OF_A_SLAB: usize = 64;

/// `[slabs, columns]`: the sums of every run of [`ROWS_OF_A_SLAB`] rows.
fn sums_of_slabs(a: &Buffer, rows: usize, columns: usize, slabs: usize) -> Result<Buffer> {
    let mut parts = Buffer::unset(a.device(), slabs * columns)?;
    let launch = Launch::new(a.device(), &KERNELS, "column_sums")?
        .pointer(a.pointer()?)
        .pointer(parts.pointer_mut()?)
        .value(rows as u64)
        .value(columns as u64)
        .value(slabs as u64)
        .value(ROWS_OF_A_SLAB as u64);
    // SAFETY: (from, to, rows, columns, slabs, rows of a slab), one sum a thread.
    unsafe { launch.each(slabs * columns)? };
    Ok(parts)
}

/// The sum of all values, one value.
fn sum(a: &Buffer) -> Result<Buffer> {
    let blocks = a.len().div_ceil(VALUES_OF_A_BLOCK).max(1);
    let mut parts = Buffer::unset(a.device(), blocks)?;
    let launch = Launch::new(a.device(), &KERNELS, "sum")?
        .pointer(a.pointer()?)
        .pointer(parts.pointer_mut()?)
        .value(a.len() as u64)
        .value(VALUES_OF_A_BLOCK as u64);
    // SAFETY: (from, to, count, depth), one sum a block of 1024 threads.
    unsafe { launch.run([blocks, 1, 1], [1024, 1, 1], 0)? };
    if blocks == 1 { Ok(parts) } else { sum(&parts) }
}

/// Values that one block of `sum` adds up.
const VALUES_OF_A_BLOCK: usize = 1 << 15;

/// Tensors, or single values, that one launch takes: `MOST` in ops.cu.
const MOST: usize = 16;

/// a ← a + factor · Σ of single values.
///
/// # Errors
/// Where `a` or a summand is not one value.
pub fn add_singles(a: &mut Buffer, factor: f32, singles: &[Buffer]) -> Result<()> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Singles {
        at: [u64; MOST],
        count: i32,
    }
    same_length("sum of single values", a.len(), 1)?;
    let device = a.device().clone();
    for some in singles.chunks(MOST) {
        let mut from = Singles { at: [0; MOST], count: some.len() as i32 };
        for (at, single) in from.at.iter_mut().zip(some) {
            same_length("sum of single values", single.len(), 1)?;
            *at = single.pointer()?;
        }
        let launch = Launch::new(&device, &KERNELS, "add_singles")?;
        let launch = launch.pointer(a.pointer_mut()?).value(factor).value(from);
        // SAFETY: the kernel takes (a, factor, singles), of which `count` point to a value each.
        unsafe { launch.run([1, 1, 1], [1, 1, 1], 0)? };
    }
    Ok(())
}

/// One step of Adam: see [`AdamStep`]. One launch moves up to 16 tensors.
///
/// # Errors
/// Where the lengths differ.
pub fn adam(step: AdamStep, tensors: &mut [AdamTensor]) -> Result<()> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Tensors {
        value: [u64; MOST],
        update: [u64; MOST],
        mean: [u64; MOST],
        square: [u64; MOST],
        lengths: [u64; MOST],
        count: i32,
    }
    let none = [0; MOST];
    for some in tensors.chunks_mut(MOST) {
        let mut of = Tensors { value: none, update: none, mean: none, square: none, lengths: none, count: 0 };
        let (device, mut all) = (some[0].value.device().clone(), 0);
        for (at, tensor) in some.iter_mut().enumerate() {
            let len = tensor.checked_len()?;
            of.value[at] = tensor.value.pointer_mut()?;
            of.update[at] = tensor.update.pointer()?;
            of.mean[at] = tensor.mean.pointer_mut()?;
            of.square[at] = tensor.square.pointer_mut()?;
            of.lengths[at] = len as u64;
            of.count += 1;
            all += len;
        }
        let factors = [step.rate, step.beta1, step.beta2, step.square_correction, step.epsilon, step.decay];
        let launch = Launch::new(&device, &KERNELS, "adam")?.value(of).value(factors);
        // SAFETY: the kernel takes (tensors, six factors), one element a thread; each tensor's four buffers hold as
        // many values as it says.
        unsafe { launch.each(all)? };
    }
    Ok(())
}

/// One step of SGD with momentum in the direction `update`: v ← momentum · v + (update − decay · w), w ← w + rate · v.
///
/// # Errors
/// Where the lengths differ.
pub fn sgd(
    rate: f32,
    momentum: f32,
    decay: f32,
    value: &mut Buffer,
    update: &Buffer,
    velocity: &mut Buffer,
) -> Result<()> {
    same_length("SGD", value.len(), update.len())?;
    same_length("SGD", value.len(), velocity.len())?;
    let (device, len) = (value.device().clone(), value.len());
    let launch = Launch::new(&device, &KERNELS, "sgd")?
        .pointer(value.pointer_mut()?)
        .pointer(update.pointer()?)
        .pointer(velocity.pointer_mut()?)
        .value(rate)
        .value(momentum)
        .value(decay)
        .value(len as u64);
    // SAFETY: (value, update, velocity, rate, momentum, decay, count), one element a thread; all hold `len` values.
    unsafe { launch.each(len) }
}

/// Pools a map into a representation: rows (time, location, batch), see [`Pooling`].
///
/// # Errors
/// Where the pooling does not fit the map.
pub fn pool(map: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let to = RepresentationShape::of(shape, pooling)?;
    same_length("pool", map.len(), shape.len())?;
    let mut out = Buffer::unset(map.device(), to.len())?;
    let values = map.values();
    let kernel = if values == Values::Half { "pool_half" } else { "pool_single" };
    let launch = Launch::new(map.device(), &KERNELS, kernel)?
        .pointer(map.pointer_as(values)?)
        .pointer(out.pointer_mut()?)
        .value(axes(shape, pooling)?)
        .value(to.len() as u64);
    // SAFETY: (map, representation, axes, count), one value of the representation a thread.
    unsafe { launch.each(to.len())? };
    Ok(out)
}

/// The transpose of [`pool`]: spreads a representation's post factor evenly over the map.
///
/// # Errors
/// Where the factor does not fit the map.
pub fn spread(factor: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let from = RepresentationShape::of(shape, pooling)?;
    same_length("spread", factor.len(), from.len())?;
    let mut out = Buffer::unset(factor.device(), shape.len())?;
    let launch = Launch::new(factor.device(), &KERNELS, "spread")?
        .pointer(factor.pointer()?)
        .pointer(out.pointer_mut()?)
        .value(axes(shape, pooling)?)
        .value(shape.len() as u64);
    // SAFETY: (factor, map, axes, count), one value of the map a thread.
    unsafe { launch.each(shape.len())? };
    Ok(out)
}

/// The axes of a map as the kernels take them: time, location, batch, t, y, x, channels, and the side of the
/// blocks (0 for the mean over y and x, 1 for one value a position).
fn axes(shape: MapShape, pooling: Pooling) -> Result<[u32; 9]> {
    let [t, y, x] = shape.extent;
    let (mode, side) = match pooling {
        Pooling::Mean => (0, 0),
        Pooling::Keep => (1, 1),
        Pooling::Blocks(side) => (2, side),
    };
    let mut axes = [0; 9];
    let sizes = [shape.time, shape.location, shape.batch, t, y, x, shape.channels, mode, side];
    for (axis, size) in axes.iter_mut().zip(sizes) {
        *axis = u32::try_from(size).map_err(|_| Error::shape("pool", format!("an axis of {size}")))?;
    }
    Ok(axes)
}

fn same_length(place: &str, a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { Err(Error::shape(place, format!("lengths {a} and {b} differ"))) }
}
