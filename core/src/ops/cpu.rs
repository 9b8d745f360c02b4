//! The operations on the CPU. Work is split by shape alone, so the bits do not depend on the number of threads.

use super::Product;
use crate::device::Buffer;
use crate::error::{Error, Result};
use crate::map::MapShape;
use crate::optimiser::{AdamStep, AdamTensor};
use crate::representation::{Pooling, RepresentationShape};
use rayon::prelude::*;

/// Elements that one task works on.
const CHUNK: usize = 1 << 14;

/// C = A · B (+ C): see [`Product`].
///
/// # Errors
/// Where an operand reaches past its buffer.
pub fn product(p: Product, a: &Buffer, b: &Buffer, c: &mut Buffer) -> Result<()> {
    let fits = p.a + p.m * p.k <= a.len() && p.b + p.k * p.n <= b.len() && p.c + p.m * p.n <= c.len();
    if !fits {
        let message = format!("{p:?} does not fit buffers of {}, {} and {}", a.len(), b.len(), c.len());
        return Err(Error::shape("matrix product", message));
    }
    let stride = |transposed: bool, rows: usize, columns: usize| {
        if transposed { (1, rows as isize) } else { (columns as isize, 1) }
    };
    let (a_row, a_column) = stride(p.transpose_a, p.m, p.k);
    let (b_row, b_column) = stride(p.transpose_b, p.k, p.n);
    let c = Shared(c.as_mut_slice()[p.c..p.c + p.m * p.n].as_mut_ptr());
    let (a, b) = (&a.as_slice()[p.a..], &b.as_slice()[p.b..]);
    let length = p.m.max(p.n);
    let parts = if p.m * p.n * p.k < SMALL { 1 } else { (length / PART).clamp(1, PARTS) };
    let part = length.div_ceil(parts).next_multiple_of(16).max(1);
    (0..length.div_ceil(part)).into_par_iter().for_each(|task| {
        let range = task * part..((task + 1) * part).min(length);
        let (rows, columns) = if p.m >= p.n { (range, 0..p.n) } else { (0..p.m, range) };
        let c = c.at(rows.start * p.n + columns.start);
        let a = a[rows.start * a_row.unsigned_abs()..].as_ptr();
        let b = b[columns.start * b_column.unsigned_abs()..].as_ptr();
        // SAFETY: the operands lie inside their buffers (checked above), and the strides stay inside m·k, k·n and m·n
        // elements for the rows and columns of this part. `c` is borrowed mutably, so it overlaps neither `a` nor
        // `b`, and no two parts share an element of it.
        unsafe {
            gemm::gemm(
                rows.len(),
                columns.len(),
                p.k,
                c,
                1,
                p.n as isize,
                p.accumulate,
                a,
                a_column,
                a_row,
                b,
                b_column,
                b_row,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
    Ok(())
}

/// Multiplications that one thread does soonest by itself.
const SMALL: usize = 1 << 18;
/// Rows or columns of a part of a product, at least.
const PART: usize = 64;
/// Parts of a product, at most: each packs the other operand for itself.
const PARTS: usize = 8;

/// A matrix whose parts are written by several threads.
struct Shared(*mut f32);

// SAFETY: every thread writes elements of its own (see `product`).
unsafe impl Sync for Shared {}

impl Shared {
    /// The element at `offset`, which lies inside the matrix.
    fn at(&self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

/// a ← a + factor · b.
///
/// # Errors
/// Where the lengths differ.
pub fn add(a: &mut Buffer, factor: f32, b: &Buffer) -> Result<()> {
    same_length("sum", a.len(), b.len())?;
    a.as_mut_slice().par_chunks_mut(CHUNK).zip(b.as_slice().par_chunks(CHUNK)).for_each(|(a, b)| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += factor * b;
        }
    });
    Ok(())
}

/// a ← factor · a.
///
/// # Errors
/// Never on the CPU.
pub fn scale(a: &mut Buffer, factor: f32) -> Result<()> {
    a.as_mut_slice().par_chunks_mut(CHUNK).for_each(|a| a.iter_mut().for_each(|a| *a *= factor));
    Ok(())
}

/// The sum of every column of a row-major matrix of `columns` columns.
///
/// # Errors
/// Where the length is no multiple of `columns`.
pub fn column_sums(a: &Buffer, columns: usize) -> Result<Buffer> {
    if columns == 0 || !a.len().is_multiple_of(columns) {
        return Err(Error::shape("column sums", format!("{} values do not make rows of {columns}", a.len())));
    }
    let mut sums = vec![0.0; columns];
    for row in a.as_slice().chunks_exact(columns) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    Buffer::from_vec(a.device(), sums)
}

/// a ← a + factor · Σ of single values.
///
/// # Errors
/// Where `a` or a summand is not one value.
pub fn add_singles(a: &mut Buffer, factor: f32, singles: &[Buffer]) -> Result<()> {
    same_length("sum of single values", a.len(), 1)?;
    let mut sum = 0.0;
    for single in singles {
        same_length("sum of single values", single.len(), 1)?;
        sum += single.as_slice()[0];
    }
    a.as_mut_slice()[0] += factor * sum;
    Ok(())
}

/// One step of Adam: see [`AdamStep`].
///
/// # Errors
/// Where the lengths differ.
pub fn adam(step: AdamStep, tensors: &mut [AdamTensor]) -> Result<()> {
    for tensor in tensors {
        tensor.checked_len()?;
        let AdamTensor { value, update, mean, square } = tensor;
        let chunks = value.as_mut_slice().par_chunks_mut(CHUNK).zip(update.as_slice().par_chunks(CHUNK));
        let moments =
            mean.as_mut_slice().par_chunks_mut(CHUNK).zip(square.as_mut_slice().par_chunks_mut(CHUNK));
        chunks.zip(moments).for_each(|((value, update), (mean, square))| {
            for (((value, update), mean), square) in value.iter_mut().zip(update).zip(mean).zip(square) {
                let update = update - step.decay * *value;
                *mean = step.beta1 * *mean + (1.0 - step.beta1) * update;
                *square = step.beta2 * *square + (1.0 - step.beta2) * update * update;
                *value += step.rate * *mean / (square.sqrt() * step.square_correction + step.epsilon);
            }
        });
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
    for ((value, update), velocity) in
        value.as_mut_slice().iter_mut().zip(update.as_slice()).zip(velocity.as_mut_slice())
    {
        *velocity = momentum * *velocity + (update - decay * *value);
        *value += rate * *velocity;
    }
    Ok(())
}

/// Pools a map into a representation: rows (time, location, batch), see [`Pooling`].
///
/// # Errors
/// Where the pooling does not fit the map.
pub fn pool(map: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let to = RepresentationShape::of(shape, pooling)?;
    let mut out = vec![0.0; to.len()];
    let map_values = map.as_slice();
    if pooling == Pooling::Mean && shape.extent[0] == 1 {
        mean_of_each(map_values, shape, &mut out);
        return Buffer::from_vec(map.device(), out);
    }
    for_each_place(shape, pooling, |place, row, offset, step, weight| {
        let out = &mut out[row * to.channel..(row + 1) * to.channel];
        let values = &map_values[place * shape.channels..(place + 1) * shape.channels];
        for (channel, value) in values.iter().enumerate() {
            out[offset + channel * step] += weight * value;
        }
    });
    Buffer::from_vec(map.device(), out)
}

/// The mean over the positions of every sample, in the samples' own order.
fn mean_of_each(map: &[f32], shape: MapShape, out: &mut [f32]) {
    let (positions, channels) = (shape.positions(), shape.channels);
    if map.is_empty() {
        return;
    }
    let weight = 1.0 / positions as f32;
    let samples = out.par_chunks_mut(channels).zip(map.par_chunks(positions * channels));
    samples.with_min_len(16).for_each(|(out, map)| {
        for values in map.chunks_exact(channels) {
            out.iter_mut().zip(values).for_each(|(out, value)| *out += value);
        }
        out.iter_mut().for_each(|out| *out *= weight);
    });
}

/// The transpose of [`pool`]: spreads a representation's post factor evenly over the map.
///
/// # Errors
/// Where the factor does not fit the map.
pub fn spread(factor: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let from = RepresentationShape::of(shape, pooling)?;
    same_length("spread", factor.len(), from.len())?;
    let mut out = vec![0.0; shape.len()];
    let factors = factor.as_slice();
    for_each_place(shape, pooling, |place, row, offset, step, weight| {
        let out = &mut out[place * shape.channels..(place + 1) * shape.channels];
        let factor = &factors[row * from.channel..(row + 1) * from.channel];
        for (channel, out) in out.iter_mut().enumerate() {
            *out = weight * factor[offset + channel * step];
        }
    });
    Buffer::from_vec(factor.device(), out)
}

/// Calls `each(place, row, offset, step, weight)` for every place (sample and position) of a map: its channels go to
/// `offset + channel · step` of `row` with `weight`. Places outside the last whole block are passed over.
fn for_each_place(shape: MapShape, pooling: Pooling, mut each: impl FnMut(usize, usize, usize, usize, f32)) {
    let [t, y, x] = shape.extent;
    let mut place = 0;
    for time in 0..shape.time {
        for location in 0..shape.location {
            for batch in 0..shape.batch {
                for step in 0..t {
                    let time = time * t + step;
                    for row in 0..y {
                        for column in 0..x {
                            let plain = |locations: usize, location: usize| {
                                (time * locations + location) * shape.batch + batch
                            };
                            match pooling {
                                Pooling::Mean => {
                                    each(place, plain(shape.location, location), 0, 1, 1.0 / (y * x) as f32)
                                }
                                Pooling::Keep => {
                                    let at = (location * y + row) * x + column;
                                    each(place, plain(shape.location * y * x, at), 0, 1, 1.0);
                                }
                                Pooling::Blocks(k) => {
                                    let (blocks_y, blocks_x) = (y / k, x / k);
                                    if row / k < blocks_y && column / k < blocks_x {
                                        let offset = (row / k) * blocks_x + column / k;
                                        let weight = 1.0 / (k * k) as f32;
                                        each(
                                            place,
                                            plain(shape.location, location),
                                            offset,
                                            blocks_y * blocks_x,
                                            weight,
                                        );
                                    }
                                }
                            }
                            place += 1;
                        }
                    }
                }
            }
        }
    }
}

fn same_length(place: &str, a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { Err(Error::shape(place, format!("lengths {a} and {b} differ"))) }
}
