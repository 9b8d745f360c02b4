//! Weights to operands of the products.

use pulp::{Simd, WithSimd};

use super::nest::nest;
use super::pass::{FILL, load, store};
use super::{Tiling, Winograd};

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
                    (3, T::PRODUCTS),
                    #[inline(always)]
                    |i, j| {
                        if k >= of.in_channels {
                            return zero;
                        }
                        let at = ((i * 3 + j) * of.in_channels + k) * channels;
                        load(simd, &weight[at..at + channels], panel * width + c)
                    },
                    #[inline(always)]
                    |t| T::weight(simd, t),
                    #[inline(always)]
                    |i, j, value| store(simd, out, ((i * T::PRODUCTS + j) * depth + k) * width + c, value),
                );
            }
        }
    }
}
