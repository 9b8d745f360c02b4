//! Matrix products on the CPU. The division of work depends only on the shape, so the bits do not depend on the
//! number of threads.

use super::{Product, half};
use crate::bf16::Arithmetic;
use crate::device::{Buffer, Operand};
use crate::error::{Error, Result};
use rayon::prelude::*;

/// C = A · B (+ C): see [`Product`].
///
/// # Errors
/// If an operand reaches past its buffer.
pub fn product(p: Product, a: &Buffer, b: &Buffer, c: &mut Buffer) -> Result<()> {
    let fits = p.a + p.m * p.k <= a.len() && p.b + p.k * p.n <= b.len() && p.c + p.m * p.n <= c.len();
    if !fits {
        let message = format!("{p:?} does not fit buffers of {}, {} and {}", a.len(), b.len(), c.len());
        return Err(Error::shape("matrix product", message));
    }
    let arithmetic = Arithmetic::of(a.device());
    if let Arithmetic::Half(kernel) = arithmetic {
        let (a, b) = (&a.as_slice()[p.a..p.a + p.m * p.k], &b.as_slice()[p.b..p.b + p.k * p.n]);
        half::product(kernel, p, a, b, &mut c.as_mut_slice()[p.c..p.c + p.m * p.n]);
        return Ok(());
    }
    let stride = |transposed: bool, rows: usize, columns: usize| {
        if transposed { (1, rows as isize) } else { (columns as isize, 1) }
    };
    let (a_row, a_column) = stride(p.transpose_a, p.m, p.k);
    let (b_row, b_column) = stride(p.transpose_b, p.k, p.n);
    let c = Shared(c.as_mut_slice()[p.c..p.c + p.m * p.n].as_mut_ptr());
    let a = Operand::new(a.device(), arithmetic, &a.as_slice()[p.a..p.a + p.m * p.k]);
    let b = Operand::new(b.device(), arithmetic, &b.as_slice()[p.b..p.b + p.k * p.n]);
    let length = p.m.max(p.n);
    let parts = if p.m * p.n * p.k < SMALL { 1 } else { (length / PART).clamp(1, PARTS) };
    let part = length.div_ceil(parts).next_multiple_of(16).max(1);
    (0..length.div_ceil(part)).into_par_iter().for_each(|task| {
        let range = task * part..((task + 1) * part).min(length);
        let (rows, columns) = if p.m >= p.n { (range, 0..p.n) } else { (0..p.m, range) };
        let c = c.at(rows.start * p.n + columns.start);
        let a = a[rows.start * a_row.unsigned_abs()..].as_ptr();
        let b = b[columns.start * b_column.unsigned_abs()..].as_ptr();
        // SAFETY: the operands lie inside their buffers (checked above), and the strides stay inside m·k, k·n and m·n
        // elements for the rows and columns of this part. `c` is borrowed mutably, so it overlaps neither `a` nor
        // `b`, and no two parts share an element of it.
        unsafe {
            gemm::gemm(
                rows.len(),
                columns.len(),
                p.k,
                c,
                1,
                p.n as isize,
                p.accumulate,
                a,
                a_column,
                a_row,
                b,
                b_column,
                b_row,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
    Ok(())
}

/// The largest number of multiplications for which one thread alone is fastest.
const SMALL: usize = 1 << 18;
/// The least number of rows or columns of a part of a product.
const PART: usize = 64;
/// The largest number of parts of a product: each part packs the other operand separately.
const PARTS: usize = 8;

/// A matrix whose parts are written by several threads.
struct Shared(*mut f32);

// SAFETY: every thread writes different elements (see `product`).
unsafe impl Sync for Shared {}

impl Shared {
    /// The element at `offset`, which lies inside the matrix.
    fn at(&self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}
