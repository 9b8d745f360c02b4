//! Maps, weights and post factors to operands of the products, and products to maps.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Tiling, Winograd, tiling::Line};
use crate::kernels::lowering::Activation;

/// A square of vectors, of which the algorithm's sizes are used.
pub(super) type Square<S> = [Line<S>; 6];

/// `F X Fᵀ` for the line transform `F` of `from` values to `to`.
#[inline(always)]
pub(super) fn nest<S: Simd>(
    simd: S,
    from: usize,
    to: usize,
    square: &Square<S>,
    line: impl Fn(Line<S>) -> Line<S>,
) -> Square<S> {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; 6]; 6];
    for i in 0..from {
        half[i] = line(square[i]);
    }
    let mut whole = [[zero; 6]; 6];
    for j in 0..to {
        let column = line(std::array::from_fn(|i| half[i][j]));
        for i in 0..to {
            whole[i][j] = column[i];
        }
    }
    whole
}

/// The vector at `row[at..]`, filled up with zeros beyond the row.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, row: &[f32], at: usize) -> S::f32s {
    match row.get(at..at + S::F32_LANES) {
        Some(full) => S::as_simd_f32s(full).0[0],
        None => simd.partial_load_f32s(row.get(at..).unwrap_or_default()),
    }
}

/// `vector` to `row[at..]`, as far as the row goes.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, row: &mut [f32], at: usize, vector: S::f32s) {
    if at + S::F32_LANES <= row.len() {
        S::as_mut_simd_f32s(&mut row[at..at + S::F32_LANES]).0[0] = vector;
    } else if at < row.len() {
        simd.partial_store_f32s(&mut row[at..], vector);
    }
}

/// `Bᵀ x B` of the tiles `rows`, to `[product, row, depth]`.
pub(super) struct Input<'a, T> {
    pub(super) of: &'a Winograd<T>,
    pub(super) input: &'a [f32],
    pub(super) rows: Range<usize>,
    pub(super) out: &'a mut [f32],
}

impl<T: Tiling> WithSimd for Input<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, input, rows, out } = self;
        let channels = of.in_channels;
        let depth = channels.next_multiple_of(16);
        let count = rows.len();
        for (r, row) in rows.enumerate() {
            let places = places(of, row, T::INPUTS, T::BEFORE);
            for c in (0..depth).step_by(S::F32_LANES) {
                let square = gather(simd, input, &places, channels, c, T::INPUTS);
                let square = nest(
                    simd,
                    T::INPUTS,
                    T::PRODUCTS,
                    &square,
                    #[inline(always)]
                    |x| T::input(simd, x),
                );
                for i in 0..T::PRODUCTS {
                    for j in 0..T::PRODUCTS {
                        let at = ((i * T::PRODUCTS + j) * count + r) * depth + c;
                        store(simd, out, at, square[i][j]);
                    }
                }
            }
        }
    }
}

/// `A y′ Aᵀ` of the tiles `rows`, to `[panel, product, row, width]`.
pub(super) struct Post<'a, T> {
    pub(super) of: &'a Winograd<T>,
    pub(super) post: &'a [f32],
    pub(super) rows: Range<usize>,
    pub(super) out: &'a mut [f32],
}

impl<T: Tiling> WithSimd for Post<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, post, rows, out } = self;
        let channels = of.out_channels;
        let width = of.width;
        let count = rows.len();
        for (r, row) in rows.enumerate() {
            let places = places(of, row, T::OUTPUTS, 0);
            for (panel, first) in (0..channels).step_by(width).enumerate() {
                for c in (0..width).step_by(S::F32_LANES) {
                    let square = gather(simd, post, &places, channels, first + c, T::OUTPUTS);
                    let square = nest(
                        simd,
                        T::OUTPUTS,
                        T::PRODUCTS,
                        &square,
                        #[inline(always)]
                        |y| T::post(simd, y),
                    );
                    let products = T::PRODUCTS * T::PRODUCTS;
                    for i in 0..T::PRODUCTS {
                        for j in 0..T::PRODUCTS {
                            let product = panel * products + i * T::PRODUCTS + j;
                            store(simd, out, (product * count + r) * width + c, square[i][j]);
                        }
                    }
                }
            }
        }
    }
}

/// `G w Gᵀ` of one panel of outgoing channels, to `[product, depth, width]`.
pub(super) struct Weight<'a, T> {
    pub(super) of: &'a Winograd<T>,
    pub(super) weight: &'a [f32],
    pub(super) panel: usize,
    pub(super) out: &'a mut [f32],
}

impl<T: Tiling> WithSimd for Weight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, weight, panel, out } = self;
        let (channels, width) = (of.out_channels, of.width);
        let depth = of.in_channels.next_multiple_of(16);
        let zero = simd.splat_f32s(0.0);
        for k in 0..depth {
            for c in (0..width).step_by(S::F32_LANES) {
                let mut square = [[zero; 6]; 6];
                if k < of.in_channels {
                    for i in 0..3 {
                        for j in 0..3 {
                            let at = ((i * 3 + j) * of.in_channels + k) * channels;
                            let row = &weight[at..at + channels];
                            square[i][j] = load(simd, row, panel * width + c);
                        }
                    }
                }
                let square = nest(
                    simd,
                    3,
                    T::PRODUCTS,
                    &square,
                    #[inline(always)]
                    |t| T::weight(simd, t),
                );
                for i in 0..T::PRODUCTS {
                    for j in 0..T::PRODUCTS {
                        let at = ((i * T::PRODUCTS + j) * depth + k) * width + c;
                        store(simd, out, at, square[i][j]);
                    }
                }
            }
        }
    }
}

/// `Aᵀ m A` of the tiles `rows` and one panel, with bias and ReLU, to the maps.
pub(super) struct Output<'a, T> {
    pub(super) of: &'a Winograd<T>,
    pub(super) results: &'a [f32],
    pub(super) rows: Range<usize>,
    pub(super) panel: usize,
    pub(super) activation: Activation<'a>,
    pub(super) maps: &'a mut [f32],
}

impl<T: Tiling> WithSimd for Output<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, results, rows, panel, activation, maps } = self;
        let (channels, width) = (of.out_channels, of.width);
        let first = panel * width;
        let zero = simd.splat_f32s(0.0);
        let count = rows.len();
        for (r, row) in rows.enumerate() {
            let places = places(of, row, T::OUTPUTS, 0);
            for c in (0..width.min(channels - first)).step_by(S::F32_LANES) {
                let mut square = [[zero; 6]; 6];
                for i in 0..T::PRODUCTS {
                    for j in 0..T::PRODUCTS {
                        let at = ((i * T::PRODUCTS + j) * count + r) * width + c;
                        square[i][j] = load(simd, results, at);
                    }
                }
                let square = nest(
                    simd,
                    T::PRODUCTS,
                    T::OUTPUTS,
                    &square,
                    #[inline(always)]
                    |m| T::output(simd, m),
                );
                let bias = activation.bias.map_or(zero, |bias| load(simd, bias, first + c));
                for i in 0..T::OUTPUTS {
                    for j in 0..T::OUTPUTS {
                        let Some(place) = places[i][j] else { continue };
                        let mut value = simd.add_f32s(square[i][j], bias);
                        if activation.relu {
                            value = simd.max_f32s(value, zero);
                        }
                        let map = &mut maps[place * channels..(place + 1) * channels];
                        store(simd, map, first + c, value);
                    }
                }
            }
        }
    }
}

/// Positions of the `size × size` values of tile `row`, starting `before` its first output.
#[inline(always)]
fn places<T: Tiling>(of: &Winograd<T>, row: usize, size: usize, before: usize) -> [[Option<usize>; 6]; 6] {
    let corner = of.corner(row);
    let mut places = [[None; 6]; 6];
    for (i, line) in places.iter_mut().enumerate().take(size) {
        for (j, place) in line.iter_mut().enumerate().take(size) {
            let (y, x) = (corner.y + i, corner.x + j);
            if y >= before && x >= before {
                *place = of.position(&corner, y - before, x - before);
            }
        }
    }
    places
}

/// The vectors at channel `c` of the positions `places`, zero outside the map.
#[inline(always)]
fn gather<S: Simd>(
    simd: S,
    map: &[f32],
    places: &[[Option<usize>; 6]; 6],
    channels: usize,
    c: usize,
    size: usize,
) -> Square<S> {
    let zero = simd.splat_f32s(0.0);
    let mut square = [[zero; 6]; 6];
    for i in 0..size {
        for j in 0..size {
            if let Some(place) = places[i][j] {
                square[i][j] = load(simd, &map[place * channels..(place + 1) * channels], c);
            }
        }
    }
    square
}
