//! The gradient of the taps from sums of outer products over tiles.

use pulp::{Simd, WithSimd};

use super::nest::nest;
use super::pass::{FILL, store};
use super::{Tiling, Winograd};

/// `Gᵀ M G` for the incoming channels from `first` on, as many as `taps` has rows.
pub(super) struct Gradient<'a, T> {
    pub(super) of: &'a Winograd<T>,
    /// `[panel, product, depth, width]`.
    pub(super) sums: &'a [f32],
    pub(super) first: usize,
    /// For each of the nine taps, rows `[in, out]` of the gradient.
    pub(super) taps: Vec<&'a mut [f32]>,
}

impl<T: Tiling> WithSimd for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, sums, first, mut taps } = self;
        let (channels, width) = (of.out_channels, of.width);
        let depth = of.in_channels.next_multiple_of(FILL);
        let products = T::PRODUCTS * T::PRODUCTS;
        let sums = S::as_simd_f32s(sums).0;
        let vectors = width / S::F32_LANES;
        for k in 0..taps[0].len() / channels {
            for c in (0..channels).step_by(S::F32_LANES) {
                let (panel, v) = (c / width, c % width / S::F32_LANES);
                nest(
                    simd,
                    (T::PRODUCTS, 3),
                    #[inline(always)]
                    |i, j| {
                        let product = panel * products + i * T::PRODUCTS + j;
                        sums[(product * depth + first + k) * vectors + v]
                    },
                    #[inline(always)]
                    |m| T::gradient(simd, m),
                    #[inline(always)]
                    |i, j, value| {
                        store(simd, &mut taps[i * 3 + j][k * channels..(k + 1) * channels], c, value)
                    },
                );
            }
        }
    }
}

/// `d_weight` `[tap, in, out]` cut into blocks of `rows` incoming channels, each with all its taps.
pub(super) fn tap_blocks(
    d_weight: &mut [f32],
    in_channels: usize,
    out_channels: usize,
    rows: usize,
) -> Vec<Vec<&mut [f32]>> {
    let mut blocks: Vec<Vec<&mut [f32]>> = Vec::new();
    blocks.resize_with(in_channels.div_ceil(rows), Vec::new);
    for tap in d_weight.chunks_mut(in_channels * out_channels) {
        for (block, rows) in blocks.iter_mut().zip(tap.chunks_mut(rows * out_channels)) {
            block.push(rows);
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_the_same_rows_of_every_tap() {
        let mut d_weight: Vec<f32> = (0..9 * 5 * 2).map(|i| (i / 2) as f32).collect();
        let blocks = tap_blocks(&mut d_weight, 5, 2, 2);
        assert_eq!(blocks.len(), 3);
        assert_eq!(blocks[1].len(), 9);
        assert_eq!(blocks[1][3], [17.0, 17.0, 18.0, 18.0]);
        assert_eq!(blocks[2][0], [4.0, 4.0]);
    }
}
