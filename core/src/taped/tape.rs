//! The record of operations that the matrices of one computation share.

use super::{Matrix, Plain, Recorded};
use crate::device::{Buffer, Device};
use crate::error::{Error, Result};
use crate::ops;
use crate::parameter::Parameter;
use dfdx::tensor::{
    AutoDevice, Gradients as DfdxGradients, Merge, OwnedTape, SplitTape, TensorFromVec, ZerosTensor,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) type DfdxTape = OwnedTape<f32, AutoDevice>;

/// One computation and its recorded operations. A clone is the same tape.
#[derive(Clone)]
pub struct Tape(Rc<History>);

struct History {
    device: Device,
    tape: RefCell<DfdxTape>,
    refused: RefCell<Option<Error>>,
    made: Cell<u64>,
    held: RefCell<Option<Held>>,
}

/// The detached values of a tape, in order, for use on another tape.
#[derive(Default)]
pub struct Held {
    values: Vec<Plain>,
    /// How many of the values this tape has reached; the values after that come from an earlier tape.
    met: usize,
}

impl Tape {
    /// A new tape without operations.
    pub fn new(device: &Device) -> Self {
        Self(Rc::new(History {
            device: device.clone(),
            tape: RefCell::default(),
            refused: RefCell::default(),
            made: Cell::new(0),
            held: RefCell::default(),
        }))
    }

    /// The device that its matrices are on.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// A leaf: a matrix of `rows` × `columns` values copied from `data`, starting at value `first`. Its gradient is
    /// available.
    ///
    /// # Errors
    /// If the part reaches past the end of `data`.
    pub fn leaf(&self, data: &Buffer, first: usize, rows: usize, columns: usize) -> Result<Matrix> {
        Ok(self.matrix(data.part(first, rows, columns)?))
    }

    /// A parameter in its public layout: the first axis gives the rows, the others the columns; a vector is one row.
    ///
    /// # Errors
    /// If a copy from or to the device fails.
    pub fn parameter(&self, parameter: &Parameter) -> Result<Matrix> {
        let values = parameter.get()?;
        let rows = if parameter.shape().len() > 1 { parameter.shape()[0] } else { 1 };
        let columns = values.len() / rows.max(1);
        self.leaf(&Buffer::from_vec(self.device(), values)?, 0, rows, columns)
    }

    /// `[rows, columns]`: a matrix of the values of a function of row and column.
    pub fn constant(
        &self,
        rows: usize,
        columns: usize,
        mut value: impl FnMut(usize, usize) -> f32,
    ) -> Matrix {
        if rows == 0 || columns == 0 {
            let message = format!("{rows} × {columns} is empty: give at least one row and one column");
            return self.refused("a constant", message, (rows, columns));
        }
        let mut values = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            values.extend((0..columns).map(|column| value(row, column)));
        }
        match self.device().tensors().try_tensor_from_vec(values, (rows, columns)) {
            Ok(value) => self.matrix(value),
            Err(error) => self.refused("a constant", format!("{error:?}"), (rows, columns)),
        }
    }

    /// From now on records detached values, or replaces them by the values in `held`.
    pub(crate) fn hold(&self, held: Held) {
        *self.0.held.borrow_mut() = Some(Held { met: 0, ..held });
    }

    /// The values recorded by [`hold`](Self::hold).
    pub(crate) fn held(&self) -> Held {
        self.0.held.borrow_mut().take().unwrap_or_default()
    }

    /// A detached value, or its replacement.
    pub(super) fn detached(&self, value: Plain) -> Plain {
        let mut held = self.0.held.borrow_mut();
        let Some(held) = held.as_mut() else { return value };
        held.met += 1;
        if let Some(earlier) = held.values.get(held.met - 1) {
            return earlier.clone();
        }
        held.values.push(value.clone());
        value
    }

    /// The first error of an operation, if there was one.
    pub(super) fn check(&self) -> Result<()> {
        self.0.refused.borrow_mut().take().map_or(Ok(()), Err)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A separate matrix without recorded operations.
    pub(super) fn matrix(&self, value: Plain) -> Matrix {
        let id = self.0.made.get();
        self.0.made.set(id + 1);
        Matrix { value, id, tape: self.clone() }
    }

    /// The result of an operation, recorded on the tape; zeros of `shape` if dfdx returned an error.
    pub(super) fn record(
        &self,
        what: &str,
        shape: (usize, usize),
        made: std::result::Result<Recorded, impl std::fmt::Debug>,
    ) -> Matrix {
        match made {
            Ok(made) => {
                let (value, tape) = made.split_tape();
                self.merge(tape);
                self.matrix(value)
            }
            Err(error) => self.refused(what, format!("dfdx: {error:?}"), shape),
        }
    }

    /// Records the error if it is the first, and returns zeros of `shape`, but at least one: dfdx panics at operations
    /// on a matrix without values.
    pub(super) fn refused(&self, what: &str, message: String, shape: (usize, usize)) -> Matrix {
        self.0.refused.borrow_mut().get_or_insert_with(|| Error::shape(what, message));
        self.matrix(self.device().tensors().zeros_like(&(shape.0.max(1), shape.1.max(1))))
    }

    pub(super) fn merge(&self, tape: DfdxTape) {
        let mut all = self.0.tape.borrow_mut();
        *all = std::mem::take(&mut *all).merge(tape);
    }

    /// Takes the recorded operations; the tape starts again.
    pub(super) fn take(&self) -> DfdxTape {
        std::mem::take(&mut *self.0.tape.borrow_mut())
    }
}

/// The gradients of a loss.
pub struct Gradients {
    pub(super) gradients: DfdxGradients<f32, AutoDevice>,
    pub(super) device: Device,
}

impl Gradients {
    /// ∂L/∂x, row by row: zero where the loss does not depend on `x`.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn of(&mut self, x: &Matrix) -> Result<Buffer> {
        let refused = |error| Error::Device(format!("dfdx: {error:?}"));
        self.gradients.try_alloc_for(&x.value).map_err(refused)?;
        Ok(Buffer::from_tensor(&self.device, &self.gradients.get(&x.value))?)
    }

    /// −∂L/∂x: the direction in which a rule with this loss moves `x`.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn downhill(&mut self, x: &Matrix) -> Result<Buffer> {
        let mut gradient = self.of(x)?;
        ops::scale(&mut gradient, -1.0)?;
        Ok(gradient)
    }
}
