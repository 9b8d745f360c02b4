//! The operands of products with weights: `f32`, or bfloat16 packed for a kernel.

use rayon::prelude::*;
use std::ops::Range;

use super::matmul::rows_by_panel;
use crate::bf16::{Arithmetic, Left, Rows, halves, halves_mut};
use crate::device::Scratch;

/// Panels of weights, `[panel, product, depth, width]`; packed, each `[depth, width]` is in pairs and its depth filled up.
pub(super) struct Panels {
    arithmetic: Arithmetic,
    values: Scratch,
    shape: [usize; 4],
}

impl Panels {
    /// Panels of `shape`, each `[product, depth, width]` as `fill` writes it.
    pub(super) fn new(
        arithmetic: Arithmetic,
        shape: [usize; 4],
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Self {
        let [panels, products, depth, width] = shape;
        let product = product_len(arithmetic, depth, width);
        let mut values = Scratch::new(panels * products * product);
        values.par_chunks_mut(products * product).enumerate().for_each(|(panel, out)| match arithmetic {
            Arithmetic::Single => fill(panel, out),
            Arithmetic::Half(kernel) => {
                let mut single = Scratch::new(products * depth * width);
                fill(panel, &mut single);
                for (single, out) in single.chunks(depth * width).zip(out.chunks_mut(product)) {
                    kernel.pack_panel(Rows::adjacent(single, width), width, halves_mut(out));
                }
            }
        });
        Self { arithmetic, values, shape }
    }

    /// How many panels.
    pub(super) fn count(&self) -> usize {
        self.shape[0]
    }

    /// How many values they hold.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// How their products are summed.
    pub(super) fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Memory in which [`rows`](Self::rows) packs `rows` rows.
    pub(super) fn room(&self, rows: usize) -> Scratch {
        Scratch::new(match self.arithmetic {
            Arithmetic::Single => 0,
            Arithmetic::Half(kernel) => rows * kernel.stride(self.shape[2]) / 2,
        })
    }

    /// `values` `[row, depth]` as left operands, packed in `room` if necessary.
    pub(super) fn rows<'a>(&self, values: &'a [f32], room: &'a mut Scratch) -> &'a [f32] {
        match self.arithmetic {
            Arithmetic::Single => values,
            Arithmetic::Half(kernel) => {
                let depth = self.shape[2];
                kernel.pack_rows(Rows::adjacent(values, depth), halves_mut(room), kernel.stride(depth));
                room
            }
        }
    }

    /// `c = left · panel`, `c` `[row, width]`, for one product of a panel; `left` are those of [`rows`](Self::rows).
    pub(super) fn multiply(
        &self,
        left: &[f32],
        rows: Range<usize>,
        panel: usize,
        product: usize,
        c: &mut [f32],
    ) {
        let [_, products, depth, width] = self.shape;
        let length = product_len(self.arithmetic, depth, width);
        let weights = &self.values[(panel * products + product) * length..][..length];
        match self.arithmetic {
            Arithmetic::Single => {
                rows_by_panel(&left[rows.start * depth..rows.end * depth], weights, c, depth, width);
            }
            Arithmetic::Half(kernel) => {
                let (values, stride, depth) = (halves(left), kernel.stride(depth), kernel.depth(depth));
                let left = Left { values, stride, depth }.skip_rows(rows.start);
                kernel.multiply(left, halves(weights), c, width, false);
            }
        }
    }
}

/// Memory of one product's panel, in values of `f32`.
fn product_len(arithmetic: Arithmetic, depth: usize, width: usize) -> usize {
    match arithmetic {
        Arithmetic::Single => depth * width,
        Arithmetic::Half(kernel) => kernel.depth(depth) * width / 2,
    }
}
