//! Maps, weights and post factors to operands of the products, and products to maps.

// Loops over a tile's lines index several arrays by what an algorithm's sizes allow.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::nest::{FILL, Patch, line, load, nest, store};
use super::{Tiling, Winograd};
use crate::kernels::lowering::Activation;

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
        let depth = channels.next_multiple_of(FILL);
        let out = S::as_mut_simd_f32s(out).0;
        let vectors = depth / S::F32_LANES;
        let count = rows.len();
        let blank = vec![0.0; channels];
        let mut tails = [[[0.0; FILL]; 6]; 6];
        for (r, row) in rows.enumerate() {
            let (map, tile) = of.sample(input, channels, row);
            let patch = Patch::<S>::new(map, &of.inputs[tile], channels, &blank, &mut tails);
            for v in 0..vectors {
                let (vectors_at, at) = patch.at(v * S::F32_LANES);
                nest(
                    simd,
                    T::INPUTS,
                    T::PRODUCTS,
                    #[inline(always)]
                    |i| {
                        line(
                            simd,
                            T::INPUTS,
                            #[inline(always)]
                            |j| vectors_at[i][j][at],
                        )
                    },
                    #[inline(always)]
                    |x| T::input(simd, x),
                    #[inline(always)]
                    |j, column| {
                        for i in 0..T::PRODUCTS {
                            out[((i * T::PRODUCTS + j) * count + r) * vectors + v] = column[i];
                        }
                    },
                );
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
        let vectors = of.width / S::F32_LANES;
        let out = S::as_mut_simd_f32s(out).0;
        let count = rows.len();
        let products = T::PRODUCTS * T::PRODUCTS;
        let blank = vec![0.0; channels];
        let mut tails = [[[0.0; FILL]; 6]; 6];
        for (r, row) in rows.enumerate() {
            let (map, tile) = of.sample(post, channels, row);
            let patch = Patch::<S>::new(map, &of.outputs[tile], channels, &blank, &mut tails);
            for v in 0..channels.next_multiple_of(FILL) / S::F32_LANES {
                let (panel, inner) = (v / vectors, v % vectors);
                let (vectors_at, at) = patch.at(v * S::F32_LANES);
                nest(
                    simd,
                    T::OUTPUTS,
                    T::PRODUCTS,
                    #[inline(always)]
                    |i| {
                        line(
                            simd,
                            T::OUTPUTS,
                            #[inline(always)]
                            |j| vectors_at[i][j][at],
                        )
                    },
                    #[inline(always)]
                    |y| T::post(simd, y),
                    #[inline(always)]
                    |j, column| {
                        for i in 0..T::PRODUCTS {
                            let product = panel * products + i * T::PRODUCTS + j;
                            out[(product * count + r) * vectors + inner] = column[i];
                        }
                    },
                );
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
        let depth = of.in_channels.next_multiple_of(FILL);
        let zero = simd.splat_f32s(0.0);
        for k in 0..depth {
            for c in (0..width).step_by(S::F32_LANES) {
                nest(
                    simd,
                    3,
                    T::PRODUCTS,
                    #[inline(always)]
                    |i| {
                        line(
                            simd,
                            3,
                            #[inline(always)]
                            |j| {
                                if k >= of.in_channels {
                                    return zero;
                                }
                                let at = ((i * 3 + j) * of.in_channels + k) * channels;
                                load(simd, &weight[at..at + channels], panel * width + c)
                            },
                        )
                    },
                    #[inline(always)]
                    |t| T::weight(simd, t),
                    #[inline(always)]
                    |j, column| {
                        for i in 0..T::PRODUCTS {
                            let at = ((i * T::PRODUCTS + j) * depth + k) * width + c;
                            store(simd, out, at, column[i]);
                        }
                    },
                );
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
        let results = S::as_simd_f32s(results).0;
        let vectors = width / S::F32_LANES;
        let first = panel * width;
        let zero = simd.splat_f32s(0.0);
        let floor = simd.splat_f32s(if activation.relu { 0.0 } else { f32::NEG_INFINITY });
        let count = rows.len();
        for (r, row) in rows.enumerate() {
            let places = &of.outputs[row % of.outputs.len()];
            let sample = row / of.outputs.len() * of.positions;
            for c in (0..width.min(channels - first)).step_by(S::F32_LANES) {
                let at = r * vectors + c / S::F32_LANES;
                let bias = activation.bias.map_or(zero, |bias| load(simd, bias, first + c));
                nest(
                    simd,
                    T::PRODUCTS,
                    T::OUTPUTS,
                    #[inline(always)]
                    |i| {
                        line(
                            simd,
                            T::PRODUCTS,
                            #[inline(always)]
                            |j| results[(i * T::PRODUCTS + j) * count * vectors + at],
                        )
                    },
                    #[inline(always)]
                    |m| T::output(simd, m),
                    #[inline(always)]
                    |j, column| {
                        for i in 0..T::OUTPUTS {
                            if let Some(place) = places[i][j] {
                                let value = simd.max_f32s(simd.add_f32s(column[i], bias), floor);
                                let at = (sample + place) * channels;
                                let map = &mut maps[at..at + channels];
                                store(simd, map, first + c, value);
                            }
                        }
                    },
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Geometry;
    use crate::kernels::reference::{assert_close, noise};
    use crate::kernels::winograd::F4;

    #[test]
    fn every_instruction_set_transforms_alike() {
        for channels in [16, 20, 24, 37] {
            let g = Geometry {
                samples: 1,
                input: [1, 5, 6],
                in_channels: channels,
                out_channels: channels,
                kernel: [1, 3, 3],
                stride: [1, 1, 1],
                padding: [0, 1, 1],
            };
            let of = &Winograd::<F4>::new(&g);
            let input = &noise(g.input_len(), 1);
            let transformed = |transform: &dyn Fn(Input<'_, F4>)| {
                let mut out = vec![f32::NAN; 36 * 4 * channels.next_multiple_of(FILL)];
                transform(Input { of, input, rows: 0..4, out: &mut out });
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
