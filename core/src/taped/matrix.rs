//! A matrix whose operations are recorded.

use super::tape::DfdxTape;
use super::{Plain, Recorded, Tape};
use crate::device::{Buffer, Device};
use crate::error::Result;
use dfdx::shapes::HasShape;
use dfdx::tensor::PutTape;
use dfdx::tensor_ops::{ReshapeTo, TryMul};

/// A matrix of `f32`, `[rows, columns]`, whose operations are recorded. A clone is the same matrix and costs nothing.
#[derive(Clone)]
pub struct Matrix {
    pub(super) value: Plain,
    /// The number of the matrix in its tape. Views of one matrix have the same number, and dfdx stores their
    /// gradients in one place.
    pub(super) id: u64,
    pub(super) tape: Tape,
}

impl Matrix {
    /// `(rows, columns)`.
    pub fn shape(&self) -> (usize, usize) {
        *self.value.shape()
    }

    /// The tape that it belongs to.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        self.tape.device()
    }

    /// `[rows, columns]`: a matrix of the values of a function of row and column, to compute with this one.
    pub fn constant(&self, rows: usize, columns: usize, value: impl FnMut(usize, usize) -> f32) -> Self {
        self.tape.constant(rows, columns, value)
    }

    /// The same values, detached: no gradient goes back through them (stop-gradient).
    #[must_use]
    pub fn detach(&self) -> Self {
        match self.value.clone().try_mul(1.0) {
            Ok(value) => self.tape.matrix(self.tape.detached(value)),
            Err(error) => self.tape.refused("detach", format!("dfdx: {error:?}"), self.shape()),
        }
    }

    /// Its values, row by row.
    ///
    /// # Errors
    /// The first error of an operation of the tape, or no memory on the device.
    pub fn values(&self) -> Result<Buffer> {
        self.tape.check()?;
        Ok(Buffer::from_tensor(self.device(), &self.value)?)
    }

    /// The same values in a separate tensor, with their recorded operations.
    pub(super) fn copied(&self) -> Self {
        self.map("a copy", |x| x.try_mul(1.0))
    }

    /// An operation that keeps the shape.
    pub(super) fn map<E: std::fmt::Debug>(
        &self,
        what: &str,
        op: impl FnOnce(Recorded) -> std::result::Result<Recorded, E>,
    ) -> Self {
        self.shaped(what, self.shape(), op)
    }

    /// An operation that makes a matrix of `shape`.
    pub(super) fn shaped<E: std::fmt::Debug>(
        &self,
        what: &str,
        shape: (usize, usize),
        op: impl FnOnce(Recorded) -> std::result::Result<Recorded, E>,
    ) -> Self {
        let (rows, columns) = self.shape();
        if rows == 0 || columns == 0 {
            let message = format!("got a matrix without values, {rows} × {columns}");
            return self.tape.refused(what, message, shape);
        }
        self.tape.record(what, shape, op(self.recorded()))
    }

    pub(super) fn recorded(&self) -> Recorded {
        self.value.clone().put_tape(DfdxTape::default())
    }

    /// The same values as `[rows, columns]`, row by row.
    #[must_use]
    pub fn reshape(&self, rows: usize, columns: usize) -> Self {
        let (own_rows, own_columns) = self.shape();
        if rows * columns != own_rows * own_columns || rows * columns == 0 {
            let message = format!("{own_rows} × {own_columns} values do not fit {rows} × {columns}");
            return self.tape.refused("reshape", message, (rows, columns));
        }
        let made = self.shaped("reshape", (rows, columns), |x| x.try_reshape_like(&(rows, columns)));
        Self { id: self.id, ..made }
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (rows, columns) = self.shape();
        write!(f, "matrix of {rows} × {columns}")
    }
}
