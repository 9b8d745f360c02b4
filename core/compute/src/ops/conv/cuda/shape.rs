//! Shapes as arguments of kernels, and memory for the routing of pools.

use crate::device::Device;
use crate::device::cuda::failed;
use crate::ops::conv::{Geometry, Pool};
use crate::{Error, Result};
use cudarc::driver::sys::CUdeviceptr;
use cudarc::driver::{CudaSlice, DevicePtr};
use std::sync::Arc;

/// [`Geometry`] by value: `struct Shape` of `conv.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Shape {
    samples: u32,
    input: [u32; 3],
    in_channels: u32,
    output: [u32; 3],
    out_channels: u32,
    kernel: [u32; 3],
    stride: [u32; 3],
    padding: [u32; 3],
}

impl Shape {
    pub(super) fn of(g: &Geometry) -> Result<Self> {
        Ok(Self {
            samples: axis(g.samples)?,
            input: axes(g.input)?,
            in_channels: axis(g.in_channels)?,
            output: axes(g.output())?,
            out_channels: axis(g.out_channels)?,
            kernel: axes(g.kernel)?,
            stride: axes(g.stride)?,
            padding: axes(g.padding)?,
        })
    }
}

/// [`Pool`] by value, with the number of pooled positions: `struct Window` of `conv.cu`. Without a pool, windows
/// have one position.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Window {
    size: [u32; 3],
    stride: [u32; 3],
    output: [u32; 3],
}

impl Window {
    pub(super) fn of(g: &Geometry, pool: Option<&Pool>) -> Result<Self> {
        let pool = pool.copied().unwrap_or(Pool { size: [1; 3], stride: [1; 3] });
        let places: usize = pool.size.iter().product();
        if places == 0 || places >= usize::from(u8::MAX) || pool.stride.contains(&0) {
            return Err(Error::shape(
                "pool",
                format!("a window of {places} positions; 1 to 254 are possible"),
            ));
        }
        Ok(Self { size: axes(pool.size)?, stride: axes(pool.stride)?, output: axes(g.pooled(Some(&pool)))? })
    }
}

fn axes(sizes: [usize; 3]) -> Result<[u32; 3]> {
    Ok([axis(sizes[0])?, axis(sizes[1])?, axis(sizes[2])?])
}

fn axis(size: usize) -> Result<u32> {
    i32::try_from(size)
        .map(|size| size as u32)
        .map_err(|_| Error::shape("convolution", format!("an axis of {size} is too long")))
}

/// A count of threads as an argument of kernels.
pub(super) fn threads(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| {
        Error::shape("convolution", format!("{count} pieces of work at once; use a smaller batch"))
    })
}

/// The input from which every pooled value came: one byte for each, the winner's place in its window (the first
/// maximum, as in PyTorch), or 255 if the ReLU before the pool gave 0. Empty for a layer without a pool, whose
/// output itself shows where the ReLU is open.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    codes: Option<Arc<CudaSlice<u8>>>,
    len: usize,
}

impl Routing {
    pub(super) fn unset(device: &Device, len: usize) -> Result<Self> {
        // SAFETY: the memory is unset; the kernel that follows writes every code.
        let codes = unsafe { device.driver().alloc::<u8>(len.max(1)) };
        Ok(Self { codes: Some(Arc::new(codes.map_err(|e| failed("memory for routing", e))?)), len })
    }

    /// The address of the codes; null if there are none.
    pub(super) fn pointer(&self) -> CUdeviceptr {
        self.codes.as_ref().map_or(0, |codes| *codes.device_ptr())
    }

    /// How many codes there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}
