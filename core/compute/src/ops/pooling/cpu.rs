//! On the CPU.

use super::{Pooling, RepresentationShape};
use crate::device::Buffer;
use crate::error::Result;
use crate::map::MapShape;
use crate::ops::elementwise::same_length;
use rayon::prelude::*;

/// Pools a map into a representation: rows (time, location, batch), see [`Pooling`].
///
/// # Errors
/// If the pooling does not fit the map.
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

/// The mean over the positions of every sample, in the order of the samples.
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
/// If the factor does not fit the map.
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
/// `offset + channel · step` of `row` with `weight`. Places outside the last whole block are left out.
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
