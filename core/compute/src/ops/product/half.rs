//! Matrix products of bfloat16 operands by a kernel, on the CPU. The division of the result depends only on the shape.

use super::Product;
use crate::bf16::{Kernel, Left, Rows, halves, halves_mut};
use crate::device::Scratch;
use rayon::prelude::*;

/// Rows of the result that a task sums: whole tiles.
const ROWS: usize = 64;
/// The largest number of columns of a panel.
const WIDTH: usize = 64;

/// C = A · B (+ C). The slices already start where `p` says.
pub(super) fn product(kernel: Kernel, p: Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    if c.is_empty() || p.k == 0 {
        if !p.accumulate {
            c.fill(0.0);
        }
        return;
    }
    let (stride, depth, width) = (kernel.stride(p.k), kernel.depth(p.k), p.n.next_multiple_of(16).min(WIDTH));
    let left = left(kernel, p, a);
    let panels = panels(kernel, p, b, width);
    c.par_chunks_mut(ROWS * p.n).enumerate().for_each(|(block, c)| {
        let left = Left { values: halves(&left), stride, depth }.skip_rows(block * ROWS);
        let mut sums = Scratch::new(c.len() / p.n * width);
        for (first, panel) in (0..p.n).step_by(width).zip(halves(&panels).chunks_exact(depth * width)) {
            kernel.multiply(left, panel, &mut sums, width, false);
            for (c, sums) in c.chunks_exact_mut(p.n).zip(sums.chunks_exact(width)) {
                for (c, sum) in c[first..].iter_mut().zip(sums) {
                    *c = if p.accumulate { *c + sum } else { *sum };
                }
            }
        }
    });
}

/// A packed, row by row.
fn left(kernel: Kernel, p: Product, a: &[f32]) -> Scratch {
    let stride = kernel.stride(p.k);
    let mut left = Scratch::new(p.m * stride / 2);
    left.par_chunks_mut(ROWS * stride / 2).enumerate().for_each(|(block, left)| {
        let (first, rows) = (block * ROWS, 2 * left.len() / stride);
        if p.transpose_a {
            let columns = Rows { values: &a[first..], pitch: p.m, count: p.k, length: rows };
            kernel.pack_columns(columns, halves_mut(left), stride, 0);
        } else {
            let rows = Rows::adjacent(&a[first * p.k..][..rows * p.k], p.k);
            kernel.pack_rows(rows, halves_mut(left), stride);
        }
    });
    left
}

/// B packed in panels of `width` columns, the last filled up with zeros.
fn panels(kernel: Kernel, p: Product, b: &[f32], width: usize) -> Scratch {
    let length = kernel.depth(p.k) * width / 2;
    let mut panels = Scratch::new(p.n.div_ceil(width) * length);
    panels.par_chunks_mut(length).enumerate().for_each(|(panel, packed)| {
        let first = panel * width;
        let columns = width.min(p.n - first);
        if p.transpose_b {
            let rows = Rows::adjacent(&b[first * p.k..][..columns * p.k], p.k);
            kernel.pack_panel_columns(rows, width, halves_mut(packed));
        } else {
            let rows = Rows { values: &b[first..], pitch: p.n, count: p.k, length: columns };
            kernel.pack_panel(rows, width, halves_mut(packed));
        }
    });
    panels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::tests::kernels;

    #[test]
    fn whole_numbers_give_the_sums_of_f64_for_any_number_of_threads() {
        let whole = |length: usize, seed: usize| -> Vec<f32> {
            (0..length).map(|i| ((i * 7919 + seed) % 9973 % 17) as f32 - 8.0).collect()
        };
        for kernel in kernels() {
            for (i, [m, n, k]) in
                [[1, 1, 1], [70, 5, 33], [65, 130, 64], [3, 64, 100], [130, 17, 1], [2, 2, 0]]
                    .into_iter()
                    .enumerate()
            {
                let p = Product::new(m, n, k);
                for p in [p, p.transpose_a(), p.transpose_b().accumulate(), p.transpose_a().transpose_b()] {
                    let (a, b, c) = (whole(m * k, i), whole(k * n, i + 1), whole(m * n, i + 2));
                    let at = |transposed: bool, rows: usize, columns: usize, r: usize, c: usize| {
                        if transposed { c * rows + r } else { r * columns + c }
                    };
                    let exact = |i: usize| {
                        let products = (0..k).map(|d| {
                            let a = a[at(p.transpose_a, m, k, i / n, d)];
                            f64::from(a) * f64::from(b[at(p.transpose_b, k, n, d, i % n)])
                        });
                        let before = if p.accumulate { f64::from(c[i]) } else { 0.0 };
                        (before + products.sum::<f64>()) as f32
                    };
                    let expected: Vec<f32> = (0..m * n).map(exact).collect();
                    for threads in [1, 2, 4] {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                        let mut c = c.clone();
                        pool.install(|| product(kernel, p, &a, &b, &mut c));
                        assert_eq!(c, expected, "{kernel:?} {p:?} {threads} threads");
                    }
                }
            }
        }
    }
}
