//! The two matrix products that all paths use, on panels that stay in the first caches.
//!
//! The right operand is always a contiguous *panel*: `[depth, width]` with a `width` of 16, 32 or 64 values
//! ([`panel_width`]). One micro-kernel holds a few rows of the result in registers. It is written once over
//! [`pulp::Simd`] and runs with AVX-512, AVX2 or scalars, depending on the processor. The left operand is read in
//! place, by rows or by columns; nothing is packed.

use super::level::arch;
use pulp::{Simd, WithSimd};

/// Depth of a block, so that its slice of a 64-wide panel fits the first-level cache.
const DEPTH_BLOCK: usize = 128;

/// Width of the panels for `channels` outgoing channels. With AVX-512 it is the widest among those with the least
/// padding. Else it is the width of a strip of the micro-kernel, so that the strip is contiguous and a block of
/// its panel stays in the first-level cache.
pub(crate) fn panel_width(channels: usize) -> usize {
    if arch().dispatch(Lanes) < 16 {
        return 16;
    }
    let padded = |width: &usize| channels.next_multiple_of(*width);
    [64, 32, 16].into_iter().min_by_key(padded).unwrap_or(64)
}

/// How many values a vector of this processor holds.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// `C = A · B`: `a` is `[rows, depth]`, `b` a panel `[depth, width]`, `c` is `[rows, width]`.
pub(crate) fn rows_by_panel(a: &[f32], b: &[f32], c: &mut [f32], depth: usize, width: usize) {
    arch().dispatch(RowsByPanel { a, b, c, depth, width });
}

/// `C += Aᵀ · B` for the columns of `a` from `first` on, as many as `c` has rows: `a` is `[rows, depth]`, `b` a
/// panel `[rows, width]`, `c` is `[columns, width]`.
pub(crate) fn columns_by_panel(
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    first: usize,
    depth: usize,
    width: usize,
) {
    arch().dispatch(ColumnsByPanel { a, b, c, first, depth, width });
}

struct RowsByPanel<'a> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
    depth: usize,
    width: usize,
}

impl WithSimd for RowsByPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, c, depth, width } = self;
        for start in (0..depth).step_by(DEPTH_BLOCK) {
            let end = (start + DEPTH_BLOCK).min(depth);
            let b = &b[start * width..end * width];
            let left = Rows { a, depth, start, end };
            sweep(simd, &left, b, c, width, start > 0);
        }
    }
}

struct ColumnsByPanel<'a> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
    first: usize,
    depth: usize,
    width: usize,
}

impl WithSimd for ColumnsByPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, c, first, depth, width } = self;
        let a = a.chunks(depth * DEPTH_BLOCK);
        for (a, b) in a.zip(b.chunks(width * DEPTH_BLOCK)) {
            sweep(simd, &Columns { a: &a[first..], depth }, b, c, width, true);
        }
    }
}

/// How the micro-kernel reads its left operand.
trait Left {
    /// A cursor for reading the rows `row..row + R` of the operand.
    type Cursor<'a, const R: usize>
    where
        Self: 'a;

    fn cursor<const R: usize>(&self, row: usize) -> Self::Cursor<'_, R>;

    /// The `R` values at depth `k`.
    fn at<const R: usize>(cursor: &Self::Cursor<'_, R>, k: usize) -> [f32; R];
}

/// Rows of the result are rows of `a`, `[rows, depth]`, from `start` to `end` of its depth.
struct Rows<'a> {
    a: &'a [f32],
    depth: usize,
    start: usize,
    end: usize,
}

impl Left for Rows<'_> {
    type Cursor<'a, const R: usize>
        = [&'a [f32]; R]
    where
        Self: 'a;

    #[inline(always)]
    fn cursor<const R: usize>(&self, row: usize) -> [&[f32]; R] {
        std::array::from_fn(|r| {
            let row = (row + r) * self.depth;
            &self.a[row + self.start..row + self.end]
        })
    }

    #[inline(always)]
    fn at<const R: usize>(cursor: &[&[f32]; R], k: usize) -> [f32; R] {
        std::array::from_fn(|r| cursor[r][k])
    }
}

/// Rows of the result are columns of `a`, `[rows, depth]`.
struct Columns<'a> {
    a: &'a [f32],
    depth: usize,
}

impl Left for Columns<'_> {
    type Cursor<'a, const R: usize>
        = (&'a [f32], usize)
    where
        Self: 'a;

    #[inline(always)]
    fn cursor<const R: usize>(&self, row: usize) -> (&[f32], usize) {
        (&self.a[row..], self.depth)
    }

    #[inline(always)]
    fn at<const R: usize>(&(a, depth): &(&[f32], usize), k: usize) -> [f32; R] {
        let from = &a[k * depth..k * depth + R];
        std::array::from_fn(|r| from[r])
    }
}

/// Computes all rows of `c` for one panel, in tiles that fit the registers.
#[inline(always)]
fn sweep<S: Simd, L: Left>(simd: S, left: &L, b: &[f32], c: &mut [f32], width: usize, accumulate: bool) {
    let (b, _) = S::as_simd_f32s(b);
    let (c, _) = S::as_mut_simd_f32s(c);
    let stride = width / S::F32_LANES;
    let at = Panel { b, stride, offset: 0, accumulate };
    match (S::F32_LANES, stride) {
        (16, 4) => strip::<S, L, 6, 4>(simd, left, at, c),
        (16, 2) => strip::<S, L, 8, 2>(simd, left, at, c),
        (16, _) => strip::<S, L, 12, 1>(simd, left, at, c),
        (8, _) => {
            for offset in (0..stride).step_by(2) {
                strip::<S, L, 6, 2>(simd, left, Panel { offset, ..at }, c);
            }
        }
        _ => {
            for offset in (0..stride).step_by(4) {
                strip::<S, L, 2, 4>(simd, left, Panel { offset, ..at }, c);
            }
        }
    }
}

/// The vectors `offset..` of each row of `stride` vectors of a panel and of the result.
#[derive(Clone, Copy)]
struct Panel<'a, V> {
    b: &'a [V],
    stride: usize,
    offset: usize,
    accumulate: bool,
}

/// Computes `N` vectors of every row of `c`: `R` rows at a time, and the remaining rows in groups of half the
/// size, and so on.
#[inline(always)]
fn strip<S: Simd, L: Left, const R: usize, const N: usize>(
    simd: S,
    left: &L,
    at: Panel<'_, S::f32s>,
    c: &mut [S::f32s],
) {
    let rows = c.len() / at.stride;
    let mut row = 0;
    while row + R <= rows {
        tile::<S, L, R, N>(simd, left, row, at, c);
        row += R;
    }
    while row + 4 <= rows {
        tile::<S, L, 4, N>(simd, left, row, at, c);
        row += 4;
    }
    while row + 2 <= rows {
        tile::<S, L, 2, N>(simd, left, row, at, c);
        row += 2;
    }
    if row < rows {
        tile::<S, L, 1, N>(simd, left, row, at, c);
    }
}

/// The micro-kernel: `R × N` vectors of the result are summed over the depth in registers.
#[inline(always)]
fn tile<S: Simd, L: Left, const R: usize, const N: usize>(
    simd: S,
    left: &L,
    row: usize,
    at: Panel<'_, S::f32s>,
    c: &mut [S::f32s],
) {
    let cursor = left.cursor::<R>(row);
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for (k, b) in at.b.chunks_exact(at.stride).enumerate() {
        let b: [S::f32s; N] = std::array::from_fn(|n| b[at.offset + n]);
        let a = L::at::<R>(&cursor, k);
        for (sums, a) in sums.iter_mut().zip(a) {
            let a = simd.splat_f32s(a);
            for (sum, &b) in sums.iter_mut().zip(&b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let from = (row + r) * at.stride + at.offset;
        for (c, &sum) in c[from..from + N].iter_mut().zip(sums) {
            *c = if at.accumulate { simd.add_f32s(*c, sum) } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::conv::cpu::reference::{assert_close, noise};

    #[test]
    fn products_agree_with_f64() {
        for (rows, depth, width) in [(1, 1, 16), (7, 27, 32), (29, 300, 64), (140, 5, 16)] {
            let (a, b) = (noise(rows * depth, 1), noise(depth * width, 2));
            let mut c = vec![f32::NAN; rows * width];
            rows_by_panel(&a, &b, &mut c, depth, width);
            let expected = product(rows, width, depth, |r, k| a[r * depth + k], &b);
            assert_close(&c, &expected, 1e-6);

            let b = noise(rows * width, 3);
            let mut c = vec![0.0; depth * width];
            let (head, tail) = c.split_at_mut(depth / 3 * width);
            columns_by_panel(&a, &b, head, 0, depth, width);
            columns_by_panel(&a, &b, tail, depth / 3, depth, width);
            let once = product(depth, width, rows, |r, k| a[k * depth + r], &b);
            assert_close(&c, &once, 1e-6);
            columns_by_panel(&a, &b, &mut c, 0, depth, width);
            let twice: Vec<f64> = once.iter().map(|value| 2.0 * value).collect();
            assert_close(&c, &twice, 1e-6);
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_product() {
        let (rows, depth, width) = (31, 200, 64);
        let (a, b) = (noise(rows * depth, 1), noise(depth * width, 2));
        let expected = product(rows, width, depth, |r, k| a[r * depth + k], &b);
        let mut c = vec![0.0; rows * width];
        Simd::vectorize(pulp::Scalar, RowsByPanel { a: &a, b: &b, c: &mut c, depth, width });
        assert_close(&c, &expected, 1e-6);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            Simd::vectorize(simd, RowsByPanel { a: &a, b: &b, c: &mut c, depth, width });
            assert_close(&c, &expected, 1e-6);
        }
    }

    fn product(
        rows: usize,
        width: usize,
        depth: usize,
        a: impl Fn(usize, usize) -> f32,
        b: &[f32],
    ) -> Vec<f64> {
        let mut c = vec![0.0; rows * width];
        for r in 0..rows {
            for k in 0..depth {
                for n in 0..width {
                    c[r * width + n] += f64::from(a(r, k)) * f64::from(b[k * width + n]);
                }
            }
        }
        c
    }
}
