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
    Ok(Buffer::from_tensor(x.device(), &rectified)?)
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
    Ok(Buffer::from_tensor(x.device(), &gated)?)
}

fn refused(error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("dfdx: {error:?}"))
}

#[cfg(test)]
mod tests {
    use crate::residual::ResidualSpec;
    use plasticity_core::device::{Buffer, Device};
    use plasticity_core::layer::{LayerSpec, Phase};
    use plasticity_core::map::{FeatureMap, MapShape};
    use plasticity_core::random::stream;

    /// A block whose shortcut has weights, so that its input is seen through ReLU alone.
    #[test]
    fn a_nan_is_seen_behind_a_block() {
        let device = Device::open().unwrap();
        let shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 3, 3], channels: 3 };
        let block = ResidualSpec { width: 2, expansion: 2, stride: 1 };
        let mut block = block.build(shape, &device, &mut stream(0, &[])).unwrap();
        let lost = Buffer::from_vec(&device, vec![f32::NAN; shape.len()]).unwrap();
        let post = block.forward(&FeatureMap::new(shape, lost).unwrap(), Phase::Evaluate).unwrap().post;
        assert!(post.data().to_vec().unwrap().iter().all(|z| z.is_nan()));
    }
}
