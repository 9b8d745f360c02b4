//! Products and the transpose.

use super::Matrix;
use dfdx::shapes::Axes2;
use dfdx::tensor_ops::{PermuteTo, TryMatMul, TryMul};

impl Matrix {
    /// `[rows, theirs]`: the matrix product with `other` `[columns, theirs]`.
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        let ((rows, columns), (their_rows, their_columns)) = (self.shape(), other.shape());
        let shape = (rows, their_columns);
        if columns != their_rows || !self.tape.is(&other.tape) {
            let message = format!(
                "expected a matrix of {columns} rows, of the same tape, to the right of {rows} × {columns}, got \
                 {their_rows} × {their_columns}"
            );
            return self.tape.refused("matmul", message, shape);
        }
        let other = if self.id == other.id { &other.copied() } else { other };
        let right = other.value.clone();
        self.shaped("matmul", shape, |x| x.try_matmul(right))
    }

    /// `[columns, rows]`.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let (rows, columns) = self.shape();
        // In dfdx a transpose is a view of the same tensor. The product gives it a new memory
        // layout. dfdx's own operation for this would compile a kernel from source on a GPU.
        let ones = self.constant(columns, rows, |_, _| 1.0).value;
        self.shaped("transpose", (columns, rows), |x| {
            x.try_permute::<(usize, usize), Axes2<1, 0>>().and_then(|x| x.try_mul(ones))
        })
    }
}
