//! ReLU of a whole map and its way back, on either device through dfdx.

use dfdx::tensor::ZerosTensor;
use dfdx::tensor_ops::{ChooseFrom, TryGt, TryLt};
use plasticity_core::device::Buffer;
use plasticity_core::{Error, Result};

/// max(x, 0), where what is no number stays so (dfdx's own `relu` makes 0 of it).
pub(super) fn relu(x: &Buffer) -> Result<Buffer> {
    // dfdx panics on a comparison of nothing.
    if x.is_empty() {
        return Ok(x.clone());
    }
    let matrix = x.tensor(1, x.len())?;
    let none = x.device().tensors().try_zeros_like(&matrix).map_err(refused)?;
    let closed = matrix.try_lt(0.0).map_err(refused)?;
    let rectified = closed.try_choose(none, matrix).map_err(refused)?;
    Buffer::from_tensor(x.device(), &rectified)
}

/// factor · [x > 0].
pub(super) fn gate(factor: &Buffer, x: &Buffer) -> Result<Buffer> {
    if x.is_empty() {
        return Ok(x.clone());
    }
    let (factor, x_matrix) = (factor.tensor(1, x.len())?, x.tensor(1, x.len())?);
    let none = x.device().tensors().try_zeros_like(&factor).map_err(refused)?;
    let open = x_matrix.try_gt(0.0).map_err(refused)?;
    let gated = open.try_choose(factor, none).map_err(refused)?;
    Buffer::from_tensor(x.device(), &gated)
}

fn refused(error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("dfdx: {error:?}"))
}
