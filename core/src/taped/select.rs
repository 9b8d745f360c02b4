//! Parts of a matrix. Gradients of parts add up where they overlap.

use super::Matrix;
use dfdx::tensor::{AutoDevice, Tensor, TensorFromVec};
use dfdx::tensor_ops::GatherTo;
use std::ops::Range;

impl Matrix {
    /// The rows of a range.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> Self {
        let (rows, columns) = self.shape();
        let shape = (range.len(), columns);
        if range.end > rows || range.is_empty() {
            let message = format!("{range:?} is not within {rows} rows, or is empty");
            return self.tape.refused("rows", message, shape);
        }
        // Slice a copy: on the CPU, dfdx overwrites the gradients of the tensor's other uses with the gradient of a
        // slice.
        self.copied().shaped("rows", shape, |x| x.try_slice((range, ..)))
    }

    /// The columns of a range.
    #[must_use]
    pub fn columns(&self, range: Range<usize>) -> Self {
        let (rows, columns) = self.shape();
        let shape = (rows, range.len());
        if range.end > columns || range.is_empty() {
            let message = format!("{range:?} is not within {columns} columns, or is empty");
            return self.tape.refused("columns", message, shape);
        }
        self.copied().shaped("columns", shape, |x| x.try_slice((.., range)))
    }

    /// The first and the second half of the rows: in a batch of two views, views 1 and views 2 of the same images.
    pub fn views(&self) -> (Self, Self) {
        let rows = self.shape().0;
        if !rows.is_multiple_of(2) {
            let none = || self.tape.refused("views", format!("{rows} rows cannot be halved"), self.shape());
            return (none(), none());
        }
        (self.rows(0..rows / 2), self.rows(rows / 2..rows))
    }

    /// `[index.len(), columns]`: the row of each index, in this order; a row may be taken several times.
    #[must_use]
    pub fn take(&self, index: &[usize]) -> Self {
        let (rows, columns) = self.shape();
        let shape = (index.len(), columns);
        if let Some(row) = index.iter().find(|&&row| row >= rows) {
            return self.tape.refused("take", format!("row {row} is not one of {rows}"), shape);
        }
        if index.is_empty() {
            return self.tape.refused("take", "is empty: give at least one row".to_owned(), shape);
        }
        self.shaped("take", shape, |x| {
            let tensors = self.device().tensors();
            let index: Tensor<(usize,), usize, AutoDevice> =
                tensors.try_tensor_from_vec(index.to_vec(), (index.len(),))?;
            x.try_gather(index)
        })
    }

    /// `[rows, width]`: from each row, the values in `width` columns of its own. `index` is `[rows, width]`, row by
    /// row.
    #[must_use]
    pub fn pick(&self, index: &[usize], width: usize) -> Self {
        let (rows, columns) = self.shape();
        let shape = (rows, width);
        if width == 0 || index.len() != rows * width || index.iter().any(|&column| column >= columns) {
            let message = format!(
                "expected {} columns below {columns} for each of {rows} rows, got {} up to {}",
                width.max(1),
                index.len(),
                index.iter().max().unwrap_or(&0)
            );
            return self.tape.refused("pick", message, shape);
        }
        self.shaped("pick", shape, |x| {
            let index: Tensor<(usize, usize), usize, AutoDevice> =
                self.device().tensors().try_tensor_from_vec(index.to_vec(), shape)?;
            x.try_gather(index)
        })
    }

    /// `[rows, 1]`: the diagonal of a square matrix.
    #[must_use]
    pub fn diagonal(&self) -> Self {
        let rows = self.shape().0;
        self.pick(&(0..rows).collect::<Vec<_>>(), 1)
    }
}
