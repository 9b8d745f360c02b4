//! Makes operands of the products from maps: a pass down the lines of tiles, then a pass along them.
//!
//! Neighbouring tiles share the results of the first pass for the columns that both read.

use std::array::from_fn;
use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Tiling;
use super::grid::{Grid, Stretch};
use super::pass::{FILL, pass, six};
use super::tiling::Line;
use crate::device::Scratch;

/// The factor of the products that is made from a map.
pub(super) trait Factor {
    /// Positions under a tile along one axis.
    const SIZE: usize;

    /// The transform of a line of positions.
    fn transform<S: Simd>(simd: S, line: Line<S>) -> Line<S>;
}

/// `Bᵀ x B` of a layer's input.
pub(super) struct Input<T>(PhantomData<T>);

impl<T: Tiling> Factor for Input<T> {
    const SIZE: usize = T::INPUTS;

    #[inline(always)]
    fn transform<S: Simd>(simd: S, line: Line<S>) -> Line<S> {
        T::input(simd, line)
    }
}

/// `A y′ Aᵀ` of a post factor.
pub(super) struct Post<T>(PhantomData<T>);

impl<T: Tiling> Factor for Post<T> {
    const SIZE: usize = T::OUTPUTS;

    #[inline(always)]
    fn transform<S: Simd>(simd: S, line: Line<S>) -> Line<S> {
        T::post(simd, line)
    }
}

/// The tiles `rows` of `maps`, to `[panel, product, row, width]`.
pub(super) struct Operands<'a, T, F> {
    pub(super) grid: &'a Grid,
    pub(super) maps: &'a [f32],
    pub(super) channels: usize,
    /// Channels in a panel.
    pub(super) width: usize,
    pub(super) rows: Range<usize>,
    pub(super) out: &'a mut [f32],
    pub(super) factor: PhantomData<(T, F)>,
}

impl<T: Tiling, F: Factor> WithSimd for Operands<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, maps, channels, width, rows, out, .. } = self;
        let filled = channels.next_multiple_of(FILL);
        let (depth, vectors) = (filled / S::F32_LANES, width / S::F32_LANES);
        let count = rows.len();
        let out = S::as_mut_simd_f32s(out).0;
        let products = T::PRODUCTS;
        let mut under = Under::new(grid, channels);
        let mut down = Scratch::new(products * span::<T, F>(grid.along()) * filled);
        let down = S::as_mut_simd_f32s(&mut down).0;
        for stretch in grid.stretches(rows) {
            let span = span::<T, F>(stretch.tiles) * depth;
            under.down::<S, T, F>(simd, maps, stretch, &mut down[..products * span]);
            for panel in 0..depth.div_ceil(vectors) {
                let inner = vectors.min(depth - panel * vectors);
                let out = out.chunks_exact_mut(products * count * vectors).skip(panel * products);
                for (line, out) in down.chunks_exact(span).zip(out) {
                    let mut out = six(out.chunks_exact_mut(count * vectors));
                    for tile in 0..stretch.tiles {
                        let line = &line[tile * T::OUTPUTS * depth + panel * vectors..];
                        let from = from_fn(
                            #[inline(always)]
                            |j| if j < F::SIZE { &line[j * depth..j * depth + inner] } else { &[][..] },
                        );
                        let at = (stretch.row + tile) * vectors;
                        let into = out.each_mut().map(
                            #[inline(always)]
                            |out| out.get_mut(at..at + inner).unwrap_or_default(),
                        );
                        pass::<S>(
                            simd,
                            (F::SIZE, products),
                            from,
                            into,
                            #[inline(always)]
                            |line| F::transform(simd, line),
                        );
                    }
                }
            }
        }
    }
}

/// Positions under `tiles` neighbouring tiles.
fn span<T: Tiling, F: Factor>(tiles: usize) -> usize {
    (tiles - 1) * T::OUTPUTS + F::SIZE
}

/// The rows of maps under lines of tiles.
struct Under<'a> {
    grid: &'a Grid,
    channels: usize,
    /// A row of zeros.
    blank: Scratch,
    /// Rows with channels filled up to whole vectors, if necessary.
    filled: Scratch,
}

impl<'a> Under<'a> {
    fn new(grid: &'a Grid, channels: usize) -> Self {
        let row = grid.width * channels.next_multiple_of(FILL);
        let filled = if channels.is_multiple_of(FILL) { 0 } else { 6 * row };
        Self { grid, channels, blank: Scratch::zeros(row), filled: Scratch::zeros(filled) }
    }

    /// The pass down a stretch, to `[product, position, channel]`; positions outside the map give zeros.
    #[inline(always)]
    fn down<S: Simd, T: Tiling, F: Factor>(
        &mut self,
        simd: S,
        maps: &[f32],
        stretch: Stretch,
        out: &mut [S::f32s],
    ) {
        let Self { grid, channels, blank, filled } = self;
        let (channels, depth) = (*channels, channels.next_multiple_of(FILL) / S::F32_LANES);
        let span = span::<T, F>(stretch.tiles);
        let start = stretch.x.saturating_sub(grid.before);
        let end = (stretch.x + span - grid.before).min(grid.width);
        let inside = end - start;
        let row = |i: usize| {
            let y = (stretch.y + i).checked_sub(grid.before).filter(|&y| i < F::SIZE && y < grid.height)?;
            let at = (stretch.frame + y * grid.width + start) * channels;
            Some(&maps[at..at + inside * channels])
        };
        let row_len = inside * depth * S::F32_LANES;
        if !channels.is_multiple_of(FILL) {
            let filled_channels = depth * S::F32_LANES;
            for (i, filled) in filled.chunks_exact_mut(grid.width * filled_channels).enumerate() {
                let Some(row) = row(i) else { continue };
                for (to, from) in filled.chunks_exact_mut(filled_channels).zip(row.chunks_exact(channels)) {
                    to[..channels].copy_from_slice(from);
                }
            }
        }
        let rows = from_fn(|i| {
            let row = match row(i) {
                None => &blank[..row_len],
                Some(row) if channels.is_multiple_of(FILL) => row,
                Some(_) => &filled[i * grid.width * depth * S::F32_LANES..][..row_len],
            };
            S::as_simd_f32s(row).0
        });
        let before = (start + grid.before - stretch.x) * depth;
        let zero = simd.splat_f32s(0.0);
        let into = six(out.chunks_exact_mut(span * depth)).map(|out: &mut [S::f32s]| {
            if out.is_empty() {
                return out;
            }
            out[..before].fill(zero);
            let (inside, after) = out[before..].split_at_mut(inside * depth);
            after.fill(zero);
            inside
        });
        pass::<S>(
            simd,
            (F::SIZE, T::PRODUCTS),
            rows,
            into,
            #[inline(always)]
            |line| F::transform(simd, line),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::conv::cpu::reference::{assert_close, noise};
    use crate::ops::conv::cpu::winograd::F4;

    type Call<'a> = Operands<'a, F4, Input<F4>>;

    #[test]
    fn every_instruction_set_transforms_alike() {
        for channels in [16, 20, 24, 37] {
            let grid = &Grid {
                frames: 1,
                height: 5,
                width: 6,
                tiles: [2, 2],
                outputs: F4::OUTPUTS,
                before: F4::BEFORE,
            };
            let maps = &noise(30 * channels, 1);
            let width = channels.next_multiple_of(FILL);
            let transformed = |transform: &dyn Fn(Call<'_>)| {
                let mut out = vec![f32::NAN; 36 * 4 * width];
                let factor = PhantomData;
                transform(Operands { grid, maps, channels, width, rows: 0..4, out: &mut out, factor });
                out
            };
            let scalar: Vec<f64> =
                transformed(&|op| Simd::vectorize(pulp::Scalar, op)).into_iter().map(f64::from).collect();
            let best = transformed(&|op| pulp::Arch::new().dispatch(op));
            assert_close(&best, &scalar, 1e-6);
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                assert_close(&transformed(&|op| Simd::vectorize(simd, op)), &scalar, 1e-6);
            }
        }
    }
}
