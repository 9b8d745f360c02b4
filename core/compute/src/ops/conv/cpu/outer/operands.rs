//! Both operands of a block of rows, in the layout for products over rows.

use std::ops::Range;

use crate::bf16::{Arithmetic, Kernel, Left, Rows, halves, halves_mut};
use crate::device::Scratch;
use crate::ops::conv::cpu::lowering::Lowering;
use crate::ops::conv::cpu::matmul::columns_by_panel;

/// Rows that are lowered and packed at a time: the depth of a tile.
const PACKED: usize = 32;

/// The layout of operands in memory.
///
/// As `f32` they are `[product, row, depth]`, then `[panel, product, row, width]`. Packed they are `[product, depth, row]`, then
/// `[panel, product, row / 2, width, 2]`, their rows filled up.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) lowering: &'a dyn Lowering,
    pub(super) arithmetic: Arithmetic,
}

impl Operands<'_> {
    /// Values of both operands in one row.
    pub(super) fn row_len(self) -> usize {
        self.lowering.products() * (self.lowering.depth() + self.lowering.panels() * self.lowering.width())
    }

    /// Memory of `rows` rows, in values of `f32`.
    pub(super) fn len(self, rows: usize) -> usize {
        match self.arithmetic {
            Arithmetic::Single => rows * self.row_len(),
            Arithmetic::Half(kernel) => {
                (self.left_len(kernel, rows) + self.pieces() * kernel.depth(rows) * self.lowering.width()) / 2
            }
        }
    }

    /// The number of sums `[depth, width]`: one for each panel and product.
    pub(super) fn pieces(self) -> usize {
        self.lowering.panels() * self.lowering.products()
    }

    /// Values of the packed left operand.
    fn left_len(self, kernel: Kernel, rows: usize) -> usize {
        self.lowering.products() * self.lowering.depth() * kernel.stride(rows)
    }

    /// Writes the operands of `rows` of the maps `input` and of the post factor `dense`.
    pub(super) fn lower(self, input: &[f32], dense: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let Self { lowering, arithmetic } = self;
        let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
        match arithmetic {
            Arithmetic::Single => {
                let (pre, post) = out.split_at_mut(rows.len() * products * depth);
                lowering.input(input, rows.clone(), pre);
                lowering.post(dense, rows, post);
            }
            Arithmetic::Half(kernel) => {
                let (stride, padded) = (kernel.stride(rows.len()), kernel.depth(rows.len()));
                let (left, right) = halves_mut(out).split_at_mut(self.left_len(kernel, rows.len()));
                let mut single = Scratch::new(PACKED.min(rows.len()) * self.row_len());
                for at in (0..rows.len()).step_by(PACKED) {
                    let part = rows.start + at..(rows.start + at + PACKED).min(rows.end);
                    let count = part.len();
                    let (pre, post) = single[..count * self.row_len()].split_at_mut(count * products * depth);
                    lowering.input(input, part.clone(), pre);
                    lowering.post(dense, part, post);
                    for (pre, left) in pre.chunks(count * depth).zip(left.chunks_mut(depth * stride)) {
                        kernel.pack_columns(Rows::adjacent(pre, depth), left, stride, at);
                    }
                    for (post, right) in post.chunks(count * width).zip(right.chunks_mut(padded * width)) {
                        let to = &mut right[at * width..][..kernel.depth(count) * width];
                        kernel.pack_panel(Rows::adjacent(post, width), width, to);
                    }
                }
            }
        }
    }

    /// Adds the product of a piece over `rows` rows of `operands`, for the columns of the left
    /// operand from `first` on, as many as `sums` `[column, width]` has.
    pub(super) fn add(self, operands: &[f32], rows: usize, piece: usize, first: usize, sums: &mut [f32]) {
        let Self { lowering, arithmetic } = self;
        let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
        let product = piece % products;
        match arithmetic {
            Arithmetic::Single => {
                let (pre, post) = operands.split_at(rows * products * depth);
                let pre = &pre[product * rows * depth..][..rows * depth];
                let post = &post[piece * rows * width..][..rows * width];
                columns_by_panel(pre, post, sums, first, depth, width);
            }
            Arithmetic::Half(kernel) => {
                let (stride, padded) = (kernel.stride(rows), kernel.depth(rows));
                let (left, right) = halves(operands).split_at(self.left_len(kernel, rows));
                let left = Left { values: &left[product * depth * stride..], stride, depth: padded };
                kernel.multiply(left.skip_rows(first), &right[piece * padded * width..], sums, width, true);
            }
        }
    }
}
