//! Makes maps from the results of the products: a pass down the lines of tiles, then a pass along
//! them, with bias and ReLU.

use std::array::from_fn;
use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Tiling;
use super::grid::Grid;
use super::pass::{load, pass, six, store};
use crate::device::Scratch;
use crate::ops::conv::cpu::lowering::Activation;

/// `Aᵀ m A` of the tiles `rows` and of one panel's `width` channels from `first` on, to the maps.
pub(super) struct Results<'a, T> {
    pub(super) grid: &'a Grid,
    /// `[product, row, width]`.
    pub(super) results: &'a [f32],
    pub(super) channels: usize,
    pub(super) first: usize,
    pub(super) width: usize,
    pub(super) rows: Range<usize>,
    pub(super) activation: Activation<'a>,
    pub(super) maps: &'a mut [f32],
    pub(super) tiling: PhantomData<T>,
}

impl<T: Tiling> WithSimd for Results<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, results, channels, first, width, rows, activation, maps, .. } = self;
        let results = S::as_simd_f32s(results).0;
        let vectors = width / S::F32_LANES;
        let used = width.min(channels - first);
        let count = rows.len();
        let (products, outputs) = (T::PRODUCTS, T::OUTPUTS);
        let zero = simd.splat_f32s(0.0);
        let floor = simd.splat_f32s(if activation.relu { 0.0 } else { f32::NEG_INFINITY });
        let mut down = Scratch::new(outputs * products * grid.along() * width);
        let down = S::as_mut_simd_f32s(&mut down).0;
        for stretch in grid.stretches(rows) {
            // To [output down, product along, tile, channel].
            let length = stretch.tiles * vectors;
            for j in 0..products {
                let from = six(results
                    .chunks_exact(count * vectors)
                    .skip(j)
                    .step_by(products)
                    .map(|line| &line[stretch.row * vectors..][..length]));
                let into = six(down.chunks_exact_mut(length).skip(j).step_by(products).take(outputs));
                pass::<S>(
                    simd,
                    (products, outputs),
                    from,
                    into,
                    #[inline(always)]
                    |line| T::output(simd, line),
                );
            }
            let lines = down.chunks_exact(products * length).take(outputs.min(grid.height - stretch.y));
            for (i, line) in lines.enumerate() {
                let start = stretch.frame + (stretch.y + i) * grid.width;
                let line: [&[S::f32s]; 6] = six(line.chunks_exact(length));
                for tile in 0..stretch.tiles {
                    let x = stretch.x + tile * outputs;
                    let end = (x + outputs).min(grid.width);
                    let map = &mut maps[(start + x) * channels..(start + end) * channels];
                    for v in 0..used.div_ceil(S::F32_LANES) {
                        let c = first + v * S::F32_LANES;
                        let bias = activation.bias.map_or(zero, |bias| load(simd, bias, c));
                        let at = tile * vectors + v;
                        let out = T::output(
                            simd,
                            from_fn(
                                #[inline(always)]
                                |j| if j < products { line[j][at] } else { zero },
                            ),
                        );
                        for (position, value) in map.chunks_exact_mut(channels).zip(out) {
                            let value = simd.add_f32s(value, bias);
                            // Not `max`, which hides a NaN.
                            let value = simd.select_f32s(simd.less_than_f32s(value, floor), floor, value);
                            store(simd, position, c, value);
                        }
                    }
                }
            }
        }
    }
}
