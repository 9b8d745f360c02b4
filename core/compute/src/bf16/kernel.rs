//! A kernel: how operands are packed, and how packed operands are multiplied.

use super::plain;
use std::marker::PhantomData;

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

/// Rows of `length` values, `pitch` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) pitch: usize,
    pub(crate) count: usize,
    pub(crate) length: usize,
}

impl<'a> Rows<'a> {
    /// Adjacent rows: all of `values`.
    pub(crate) fn adjacent(values: &'a [f32], length: usize) -> Self {
        Self { values, pitch: length, count: values.len() / length, length }
    }

    /// The values of a row; none if there is no such row.
    #[inline(always)]
    pub(super) fn get(&self, row: usize) -> &'a [f32] {
        if row < self.count { &self.values[row * self.pitch..][..self.length] } else { &[] }
    }
}

/// Where a segment of a sum begins: in the values of the left operand, and in the panels.
pub(crate) type Segment = [usize; 2];

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
    /// (which has fewer products). For AVX-512 BF16 it was chosen on one busy processor (AMD, Zen 4). For tiles,
    /// which compute small maps without a transform ([`direct`](Self::direct)), it is an estimate.
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

    /// Whether a direct convolution is faster than Winograd's: only tiles multiply fast enough.
    pub(crate) fn direct(self) -> bool {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Kind::Amx => true,
            _ => false,
        }
    }

    /// Packs rows as a left operand whose rows are `stride` apart. Each row is filled up to a depth with zeros.
    pub(crate) fn pack_rows(self, from: Rows<'_>, to: &mut [u16], stride: usize) {
        let padded = self.depth(from.length);
        assert!(padded <= stride && from.count * stride <= to.len(), "room for the rows");
        match self.0 {
            Kind::Plain => plain::pack_rows(from, padded, to, stride),
            // SAFETY: who made the kernel saw that the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::rows(from, padded, to, stride) },
        }
    }

    /// Packs rows into a left operand whose rows are their columns, `stride` apart, starting at depth `at`. `at`
    /// is even; the depth is filled up to a multiple of the step.
    pub(crate) fn pack_columns(self, from: Rows<'_>, to: &mut [u16], stride: usize, at: usize) {
        let depth = self.depth(from.count);
        assert!(at + depth <= stride && from.length * stride <= to.len(), "room for the columns");
        match self.0 {
            Kind::Plain => plain::pack_columns(from, depth, to, stride, at),
            // SAFETY: who made the kernel saw that the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::columns(from, depth, to, stride, at) },
        }
    }

    /// Packs rows as a panel `[depth, width]` in pairs along the depth; `width` is a multiple of 16. Fills all of
    /// `to`: what lies beyond the rows and beyond their length is zero.
    pub(crate) fn pack_panel(self, from: Rows<'_>, width: usize, to: &mut [u16]) {
        let depth = to.len() / width;
        assert!(
            width.is_multiple_of(16) && from.length <= width && from.count <= depth,
            "room for the panel"
        );
        assert!(depth.is_multiple_of(2) && depth * width == to.len(), "whole pairs of rows");
        match self.0 {
            Kind::Plain => plain::pack_panel(from, width, to),
            // SAFETY: who made the kernel saw that the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::panel(from, width, to) },
        }
    }

    /// As [`pack_panel`](Self::pack_panel), but the rows are the columns of the panel.
    pub(crate) fn pack_panel_columns(self, from: Rows<'_>, width: usize, to: &mut [u16]) {
        let depth = to.len() / width;
        assert!(
            width.is_multiple_of(16) && from.count <= width && from.length <= depth,
            "room for the panel"
        );
        assert!(depth.is_multiple_of(2) && depth * width == to.len(), "whole pairs of rows");
        match self.0 {
            Kind::Plain => plain::pack_panel_columns(from, width, to),
            // SAFETY: who made the kernel saw that the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { super::pack512::panel_columns(from, width, to) },
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

    /// Prepares this thread for sums over segments.
    pub(crate) fn sums(self) -> Sums {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if self.0 == Kind::Amx {
            // SAFETY: who made the kernel saw that the processor has its instructions.
            unsafe { super::amx::configure() };
        }
        Sums { kernel: self, thread: PhantomData }
    }
}

/// A thread that is prepared for sums over segments. While it is, the thread must use no other product of the kernel.
pub(crate) struct Sums {
    kernel: Kernel,
    thread: PhantomData<*mut ()>,
}

impl Sums {
    /// Rows of a block.
    pub(crate) const ROWS: usize = 32;

    /// `C = Σ A · B` over `segments`: `c` is `[32, width]`, and `width` is 16 or 32. In a segment, A begins at its
    /// first number in `left.values`, and B is the panel that begins at its second number in `panels`.
    pub(crate) fn block(
        &mut self,
        left: Left<'_>,
        panels: &[u16],
        segments: &[Segment],
        c: &mut [f32],
        width: usize,
    ) {
        assert!(c.len() == Self::ROWS * width && (width == 16 || width == 32), "a block");
        assert!(left.depth.is_multiple_of(self.kernel.step()) && left.depth > 0, "filled up");
        let (reach, panel) = ((Self::ROWS - 1) * left.stride + left.depth, left.depth * width);
        for [a, b] in segments {
            assert!(a + reach <= left.values.len() && b + panel <= panels.len(), "segments in the operands");
        }
        match self.kernel.0 {
            // SAFETY: the thread is prepared; the segments lie inside the operands.
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Kind::Amx if !segments.is_empty() => unsafe {
                super::amx::sum(left, panels, segments, c, width);
            },
            _ => {
                c.fill(0.0);
                for [a, b] in segments {
                    let left = Left { values: &left.values[*a..], ..left };
                    self.kernel.multiply(left, &panels[*b..][..panel], c, width, true);
                }
            }
        }
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if self.kernel.0 == Kind::Amx {
            // SAFETY: the thread is prepared, and nothing is summed any more.
            unsafe { super::amx::release() };
        }
    }
}
