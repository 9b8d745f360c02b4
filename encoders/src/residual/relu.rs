//! ReLU of a whole map and its way back, on either device through dfdx.

use dfdx::tensor::ZerosTensor;
use dfdx::tensor_ops::{ChooseFrom, TryGt};
use plasticity_core::device::Buffer;
use plasticity_core::{Error, Result};

/// max(x, 0).
pub(super) fn relu(x: &Buffer) -> Result<Buffer> {
    let matrix = x.tensor(1, x.len())?.try_relu().map_err(refused)?;
    Buffer::from_tensor(x.device(), &matrix)
}

/// factor · [x > 0].
pub(super) fn gate(factor: &Buffer, x: &Buffer) -> Result<Buffer> {
    let (factor, x_matrix) = (factor.tensor(1, x.len())?, x.tensor(1, x.len())?);
    let none = x.device().tensors().try_zeros_like(&factor).map_err(refused)?;
    let open = x_matrix.try_gt(0.0).map_err(refused)?;
    let gated = open.try_choose(factor, none).map_err(refused)?;
    Buffer::from_tensor(x.device(), &gated)
}

fn refused(error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("dfdx: {error:?}"))
}
