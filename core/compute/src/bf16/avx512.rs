//! The kernel of AVX-512 BF16: `vdpbf16ps` adds two products to each of sixteen sums.

use super::Left;
use std::arch::x86_64::*;
use std::array::from_fn;

/// Depth of a block, so that its slice of a 64-wide panel stays in the first-level cache.
const DEPTH_BLOCK: usize = 192;

/// See [`Kernel::multiply`](super::Kernel::multiply).
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16. `left`, `panel` and `c` are as long as `multiply` of the kernel asserts.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn multiply(left: Left<'_>, panel: &[u16], c: &mut [f32], width: usize, accumulate: bool) {
    for start in (0..left.depth.max(1)).step_by(DEPTH_BLOCK) {
        let at = Block {
            a: left.values[start..].as_ptr(),
            stride: left.stride,
            b: panel[start * width..].as_ptr(),
            pairs: DEPTH_BLOCK.min(left.depth - start) / 2,
            width,
            accumulate: accumulate || start > 0,
        };
        for column in (0..width).step_by(64) {
            // SAFETY: as the caller promises; the columns from `column` on lie inside rows of `width`.
            unsafe {
                match width - column {
                    16 => strip::<12, 1>(at, column, c),
                    32 => strip::<8, 2>(at, column, c),
                    48 => strip::<6, 3>(at, column, c),
                    _ => strip::<6, 4>(at, column, c),
                }
            }
        }
    }
}

/// A block of the depth of both operands.
#[derive(Clone, Copy)]
struct Block {
    a: *const u16,
    stride: usize,
    b: *const u16,
    pairs: usize,
    width: usize,
    accumulate: bool,
}

/// `N` vectors of every row of `c` from `column` on, `R` rows at a time and the rest by halves.
///
/// # Safety
/// As for [`multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn strip<const R: usize, const N: usize>(at: Block, column: usize, c: &mut [f32]) {
    let rows = c.len() / at.width;
    let mut row = 0;
    // SAFETY: as the caller promises; every tile's rows are rows of `c`.
    unsafe {
        while row + R <= rows {
            tile::<R, N>(at, row, column, c);
            row += R;
        }
        while row + 4 <= rows {
            tile::<4, N>(at, row, column, c);
            row += 4;
        }
        while row < rows {
            tile::<1, N>(at, row, column, c);
            row += 1;
        }
    }
}

/// `R × N` vectors of the result, summed over the block's depth in registers.
///
/// # Safety
/// As for [`multiply`], and `c` has the rows `row..row + R`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn tile<const R: usize, const N: usize>(at: Block, row: usize, column: usize, c: &mut [f32]) {
    let c: [*mut f32; R] = from_fn(|r| c[(row + r) * at.width + column..][..16 * N].as_mut_ptr());
    let mut sums = [[_mm512_setzero_ps(); N]; R];
    // SAFETY: `c` names `16 · N` values of each row; the block's rows and its panel have `pairs` pairs of values.
    unsafe {
        if at.accumulate {
            for (sums, c) in sums.iter_mut().zip(c) {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = _mm512_loadu_ps(c.add(16 * n));
                }
            }
        }
        let mut a = at.a.add(row * at.stride).cast::<i32>();
        let mut b = at.b.add(2 * column).cast::<i32>();
        for _ in 0..at.pairs {
            let mut panel = [_mm512_setzero_si512(); N];
            for (n, vector) in panel.iter_mut().enumerate() {
                *vector = _mm512_loadu_si512(b.add(16 * n).cast());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let pair = half(_mm512_set1_epi32(a.add(r * at.stride / 2).read_unaligned()));
                for (sum, vector) in sums.iter_mut().zip(panel) {
                    *sum = _mm512_dpbf16_ps(*sum, pair, half(vector));
                }
            }
            a = a.add(1);
            b = b.add(at.width);
        }
        for (sums, c) in sums.into_iter().zip(c) {
            for (n, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(c.add(16 * n), sum);
            }
        }
    }
}

/// The same bits as bfloat16.
#[inline]
#[target_feature(enable = "avx512f")]
fn half(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits of plain data.
    unsafe { std::mem::transmute(bits) }
}
