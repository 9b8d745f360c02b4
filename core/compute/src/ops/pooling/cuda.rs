//! On an NVIDIA GPU.

use super::{Pooling, RepresentationShape};
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch, Values};
use crate::error::{Error, Result};
use crate::map::MapShape;
use crate::ops::elementwise::same_length;

static KERNELS: Kernels = Kernels {
    name: "plasticity_pooling",
    source: concat!(
        include_str!("../thread.cuh"),
        include_str!("../../device/cuda/half.cuh"),
        include_str!("kernel.cu")
    ),
    functions: &["pool_single", "pool_half", "spread"],
};

/// Pools a map into a representation: rows (time, location, batch), see [`Pooling`].
///
/// # Errors
/// If the pooling does not fit the map.
pub fn pool(map: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let to = RepresentationShape::of(shape, pooling)?;
    same_length("pool", map.len(), shape.len())?;
    let mut out = Buffer::unset(map.device(), to.len())?;
    let values = map.values();
    let kernel = if values == Values::Half { "pool_half" } else { "pool_single" };
    let launch = Launch::new(map.device(), &KERNELS, kernel)?
        .pointer(map.pointer_as(values)?)
        .pointer(out.pointer_mut()?)
        .value(axes(shape, pooling)?)
        .value(to.len() as u64);
    // SAFETY: (map, representation, axes, count), one value of the representation a thread.
    unsafe { launch.each(to.len())? };
    Ok(out)
}

/// The transpose of [`pool`]: spreads a representation's post factor evenly over the map.
///
/// # Errors
/// If the factor does not fit the map.
pub fn spread(factor: &Buffer, shape: MapShape, pooling: Pooling) -> Result<Buffer> {
    let from = RepresentationShape::of(shape, pooling)?;
    same_length("spread", factor.len(), from.len())?;
    let mut out = Buffer::unset(factor.device(), shape.len())?;
    let launch = Launch::new(factor.device(), &KERNELS, "spread")?
        .pointer(factor.pointer()?)
        .pointer(out.pointer_mut()?)
        .value(axes(shape, pooling)?)
        .value(shape.len() as u64);
    // SAFETY: (factor, map, axes, count), one value of the map a thread.
    unsafe { launch.each(shape.len())? };
    Ok(out)
}

/// The axes of a map as an argument of the kernels: time, location, batch, t, y, x, channels, and the side of the
/// blocks (0 for the mean over y and x, 1 for one value per position).
fn axes(shape: MapShape, pooling: Pooling) -> Result<[u32; 9]> {
    let [t, y, x] = shape.extent;
    let (mode, side) = match pooling {
        Pooling::Mean => (0, 0),
        Pooling::Keep => (1, 1),
        Pooling::Blocks(side) => (2, side),
    };
    let mut axes = [0; 9];
    let sizes = [shape.time, shape.location, shape.batch, t, y, x, shape.channels, mode, side];
    for (axis, size) in axes.iter_mut().zip(sizes) {
        *axis = u32::try_from(size).map_err(|_| Error::shape("pool", format!("an axis of {size}")))?;
    }
    Ok(axes)
}
