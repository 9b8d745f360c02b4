//! One number whose operations are recorded: a loss.

use super::{Gradients, Matrix};
use crate::error::{Error, Result};
use dfdx::tensor::{AsArray, PutTape, Tensor};
use dfdx::tensor_ops::{Backward, ReshapeTo};
use plasticity_compute::device::TapedScalar;

/// One number whose operations are recorded. A clone is the same number.
#[derive(Clone, Debug)]
pub struct Scalar(pub(super) Matrix);

impl Scalar {
    /// Its value.
    ///
    /// # Errors
    /// The first error of an operation of the tape.
    pub fn value(&self) -> Result<f32> {
        self.0.tape.check()?;
        Ok(self.plain()?.array())
    }

    /// The gradients of this number by everything it was computed from. This consumes the recorded operations.
    ///
    /// # Errors
    /// The first error of an operation of the tape, or no memory on the device.
    pub fn backward(&self) -> Result<Gradients> {
        self.0.tape.check()?;
        let scalar: TapedScalar = self.plain()?.put_tape(self.0.tape.take());
        let gradients = scalar.try_backward().map_err(|error| Error::Device(format!("dfdx: {error:?}")))?;
        Ok(Gradients { gradients, device: self.0.device().clone() })
    }

    fn plain(&self) -> Result<Tensor<(), f32, dfdx::tensor::AutoDevice>> {
        let refused = |error| Error::Device(format!("dfdx: {error:?}"));
        self.0.value.clone().try_reshape_like(&()).map_err(refused)
    }
}

/// A matrix of one row and one column, which is broadcast to any other.
impl From<Scalar> for Matrix {
    fn from(scalar: Scalar) -> Self {
        scalar.0
    }
}
