//! A kernel: how operands are packed, and how packed operands are multiplied.

use super::plain;

/// Values that one vector or one row of a tile holds.
const VECTOR: usize = 32;

/// A kernel that this processor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel(pub(super) Kind);

/// The instructions of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain Rust.
    Plain,
    /// `vdpbf16ps`. Only `guard.rs` makes it, after a test.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// `tdpbf16ps`, with operands packed by AVX-512. Only `guard.rs` makes it, after a test.
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

    /// The least number of outgoing channels for which F(2×2, 3×3) with this kernel replaces F(4×4, 3×3) in `f32`
    /// (which has fewer products). For AVX-512 BF16 it was chosen on one busy processor (AMD, Zen 4). For tiles it
    /// is an estimate.
    pub(crate) fn wide(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => 512,
            _ => 64,
        }
    }

    /// Depths are multiples of this number.
    pub(crate) fn step(self) -> usize {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Kind::Amx => VECTOR,
            _ => 2,
        }
    }

    /// A depth, rounded up to a multiple of the step.
    pub(crate) fn depth(self, depth: usize) -> usize {
        depth.next_multiple_of(self.step())
    }

    /// The distance between two rows of a left operand, in values: an odd number of cache lines, which distributes
    /// rows over the sets of a cache.
    pub(crate) fn stride(self, depth: usize) -> usize {
        (depth.div_ceil(VECTOR) | 1) * VECTOR
    }

    /// Packs `rows` of `depth` values, contiguous in `from`, as a left operand.
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

    /// Packs rows of `columns` values into a left operand whose rows are these columns, starting at depth `at`. `at`
    /// is even; the depth is filled up to a multiple of the step.
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

    /// Packs a panel `[depth, width]` in pairs along the depth; `width` is a multiple of 16.
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

    /// `C = A · B`, or `C += A · B` with `accumulate`: multiplies as many rows of `left` as `c` `[row, width]` has
    /// by a panel.
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
