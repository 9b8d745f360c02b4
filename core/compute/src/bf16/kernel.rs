//! A kernel: how operands are packed, and how packed ones are multiplied.

use super::plain;

/// Values that one vector or one row of a tile holds.
const VECTOR: usize = 32;

/// A kernel that this processor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel(pub(super) Kind);

/// Which instructions a kernel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain Rust.
    Plain,
    /// `vdpbf16ps`. Made by `guard.rs` alone, which has seen it work.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// `tdpbf16ps`, operands packed by AVX-512. Made by `guard.rs` alone, which has seen it work.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
}

/// A packed left operand: rows of `depth` values, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [u16],
    pub(crate) stride: usize,
    pub(crate) depth: usize,
}

impl<'a> Left<'a> {
    /// The rows after the first `rows`.
    pub(crate) fn skip_rows(self, rows: usize) -> Self {
        Self { values: &self.values[rows * self.stride..], ..self }
    }

    /// The depth of one row.
    pub(super) fn row(&self, row: usize) -> &'a [u16] {
        &self.values[row * self.stride..][..self.depth]
    }
}

impl Kernel {
    /// The sums of products in plain Rust.
    pub(crate) fn plain() -> Self {
        Self(Kind::Plain)
    }

    /// The number of outgoing channels from which on F(2×2, 3×3) by this kernel replaces F(4×4, 3×3) in `f32`, which has fewer
    /// products. For AVX-512 BF16 it was chosen on one busy processor (AMD, Zen 4). For tiles it is an estimate.
    pub(crate) fn wide(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => 512,
            _ => 64,
        }
    }

    /// What depths are multiples of.
    pub(crate) fn step(self) -> usize {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Kind::Amx => VECTOR,
            _ => 2,
        }
    }

    /// A depth filled up.
    pub(crate) fn depth(self, depth: usize) -> usize {
        depth.next_multiple_of(self.step())
    }

    /// Values from a row of a left operand to the next: an odd number of cache lines, which spreads rows over the sets of
    /// a cache.
    pub(crate) fn stride(self, depth: usize) -> usize {
        (depth.div_ceil(VECTOR) | 1) * VECTOR
    }

    /// `rows` of `depth` values, one after the other in `from`, to a left operand.
    pub(crate) fn pack_rows(self, from: &[f32], depth: usize, to: &mut [u16]) {
        let (padded, stride) = (self.depth(depth), self.stride(depth));
        assert!(from.len() / depth * stride <= to.len(), "room for the rows");
        match self.0 {
            Kind::Plain => plain::pack_rows(from, depth, padded, to, stride),
            // SAFETY: who made the kernel saw that the processor has its instructions; `to` has room, as asserted.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::rows(from, depth, padded, to, stride) },
        }
    }

    /// Rows of `columns` values to their place, from `at` on, in the depth of a left operand whose rows are the columns.
    /// `at` is even; the rows are filled up to a multiple of the step.
    pub(crate) fn pack_columns(self, from: &[f32], columns: usize, to: &mut [u16], stride: usize, at: usize) {
        let rows = self.depth(from.len() / columns);
        assert!(at + rows <= stride && columns * stride <= to.len(), "room for the columns");
        match self.0 {
            Kind::Plain => plain::pack_columns(from, columns, rows, to, stride, at),
            // SAFETY: who made the kernel saw that the processor has its instructions; `to` has room, as asserted.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::columns(from, columns, rows, to, stride, at) },
        }
    }

    /// A panel `[depth, width]`, `width` a multiple of 16, to one in pairs.
    pub(crate) fn pack_panel(self, from: &[f32], width: usize, to: &mut [u16]) {
        let depth = self.depth(from.len() / width);
        assert!(width.is_multiple_of(16) && depth * width <= to.len(), "room for the panel");
        let to = &mut to[..depth * width];
        match self.0 {
            Kind::Plain => plain::pack_panel(from, width, to),
            // SAFETY: who made the kernel saw that the processor has its instructions; `to` has room, as asserted.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::panel(from, width, to) },
        }
    }

    /// `C = A · B`, or `C += A · B` to `accumulate`: as many rows of `left` as `c`, `[row, width]`, has, by a panel.
    pub(crate) fn multiply(
        self,
        left: Left<'_>,
        panel: &[u16],
        c: &mut [f32],
        width: usize,
        accumulate: bool,
    ) {
        let rows = c.len() / width;
        if rows == 0 {
            return;
        }
        assert!(left.depth.is_multiple_of(self.step()) && width.is_multiple_of(16), "filled up");
        assert!((rows - 1) * left.stride + left.depth <= left.values.len(), "rows of the left operand");
        assert!(left.depth * width <= panel.len() && rows * width == c.len(), "the panel and the result");
        match self.0 {
            Kind::Plain => plain::multiply(left, panel, c, width, accumulate),
            // SAFETY: who made the kernel saw that the processor has its instructions; the operands are as long as said.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { super::avx512::multiply(left, panel, c, width, accumulate) },
            // SAFETY: as above, and the process has the permission to use tiles.
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Kind::Amx => unsafe { super::amx::multiply(left, panel, c, width, accumulate) },
        }
    }
}
