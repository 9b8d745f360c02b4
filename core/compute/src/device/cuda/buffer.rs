//! Numbers on the GPU.

use super::kernel::{Kernels, Launch};
use super::staging::upload;
use super::{Device, failed};
use crate::device::Matrix;
use crate::error::{Error, Result};
use cudarc::driver::sys::CUdeviceptr;
use cudarc::driver::{CudaSlice, DevicePtr, DeviceRepr, DeviceSlice};
use dfdx::shapes::HasShape;
use dfdx::tensor::{Gradients, Trace, ZerosTensor};
use dfdx::tensor_ops::{Backward, SumTo, TryMul};
use std::sync::{Arc, OnceLock};

static KERNELS: Kernels = Kernels {
    name: "plasticity_convert",
    source: concat!(include_str!("half.cuh"), include_str!("convert.cu")),
    functions: &["to_half", "to_single"],
};

/// The type of numbers in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// `f32`.
    Single,
    /// bfloat16.
    Half,
}

impl Values {
    /// Bytes of one value.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }
}

/// A run of `f32` on the device.
///
/// It is held as `f32`, as bfloat16, or as both. The missing form is made from the other at the first
/// request. At the precision bf16, maps pass from layer to layer as bfloat16 and are never converted to
/// `f32`. A clone shares the memory until one of the two changes.
#[derive(Clone, Debug)]
pub struct Buffer {
    device: Device,
    len: usize,
    single: OnceLock<Arc<CudaSlice<f32>>>,
    half: OnceLock<Arc<CudaSlice<u16>>>,
}

impl Buffer {
    /// The values if they are in the host's memory; on a GPU always `None`.
    pub fn host(&self) -> Option<&[f32]> {
        None
    }

    /// The values, mutable, if they are in the host's memory; on a GPU always `None`.
    pub fn host_mut(&mut self) -> Option<&mut [f32]> {
        None
    }

    /// `len` zeros.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn zeros(device: &Device, len: usize) -> Result<Self> {
        let len = if device.is_sizing() { 0 } else { len };
        let mut memory = allocate::<f32>(device, len)?;
        device.driver().memset_zeros(&mut memory).map_err(|e| failed("clearing memory", e))?;
        Ok(Self::over(device, len, memory))
    }

    /// `len` values that still have to be written.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn unset(device: &Device, len: usize) -> Result<Self> {
        let len = if device.is_sizing() { 0 } else { len };
        Ok(Self::over(device, len, allocate(device, len)?))
    }

    /// `len` values of the type `values` that still have to be written.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn unset_as(device: &Device, len: usize, values: Values) -> Result<Self> {
        match values {
            Values::Single => Self::unset(device, len),
            Values::Half => {
                let half = OnceLock::from(Arc::new(allocate::<u16>(device, len)?));
                Ok(Self { device: device.clone(), len, single: OnceLock::new(), half })
            }
        }
    }

    fn over(device: &Device, len: usize, memory: CudaSlice<f32>) -> Self {
        let single = OnceLock::from(Arc::new(memory));
        Self { device: device.clone(), len, single, half: OnceLock::new() }
    }

    /// Moves host values to the device.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn from_vec(device: &Device, values: Vec<f32>) -> Result<Self> {
        let mut memory = allocate(device, values.len())?;
        upload(device, &values, &mut memory)?;
        Ok(Self::over(device, values.len(), memory))
    }

    /// A copy of the values on the host.
    ///
    /// # Errors
    /// If the copy from the device fails.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        let mut values = vec![0.0; self.len];
        let memory = self.single()?;
        if self.len > 0 {
            let part = part(memory, 0, self.len)?;
            let copied = self.device.driver().dtoh_sync_copy_into(&part, &mut values);
            copied.map_err(|e| failed("copying from the GPU", e))?;
        }
        Ok(values)
    }

    /// Overwrites the buffer with host values of the same length.
    ///
    /// # Errors
    /// If the lengths differ or the copy fails.
    pub fn copy_from_host(&mut self, values: &[f32]) -> Result<()> {
        if values.len() != self.len {
            let message = format!("expected {} values, got {}", self.len, values.len());
            return Err(Error::shape("buffer", message));
        }
        let mut memory = allocate(&self.device, self.len)?;
        upload(&self.device, values, &mut memory)?;
        *self = Self::over(&self.device, self.len, memory);
        Ok(())
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type in which the values are available: bfloat16 if this form exists.
    pub fn values(&self) -> Values {
        if self.half.get().is_some() { Values::Half } else { Values::Single }
    }

    /// The most exact type in which the values are available: `f32` if this form exists.
    pub fn widest(&self) -> Values {
        if self.single.get().is_some() { Values::Single } else { Values::Half }
    }

    /// The address of the values as `values`.
    ///
    /// # Errors
    /// If they must be converted and this fails.
    pub fn pointer_as(&self, values: Values) -> Result<CUdeviceptr> {
        match values {
            Values::Single => self.pointer(),
            Values::Half => self.half_pointer(),
        }
    }

    /// The address of the values as `f32`.
    ///
    /// # Errors
    /// If they must be converted from bfloat16 and this fails.
    pub fn pointer(&self) -> Result<CUdeviceptr> {
        Ok(*self.single()?.device_ptr())
    }

    /// The address of the values as `f32`, to be changed.
    ///
    /// # Errors
    /// If they must be copied from a clone, or converted from bfloat16, and this fails.
    pub fn pointer_mut(&mut self) -> Result<CUdeviceptr> {
        self.single()?;
        self.half = OnceLock::new();
        let shared = self.single.take().ok_or_else(|| Error::Device("a buffer without memory".to_owned()))?;
        let own = match Arc::try_unwrap(shared) {
            Ok(own) => own,
            Err(shared) => {
                let mut copy = allocate(&self.device, self.len)?;
                let copied = self.device.driver().dtod_copy(&*shared, &mut copy);
                copied.map_err(|e| failed("copying on the GPU", e))?;
                copy
            }
        };
        let pointer = *own.device_ptr();
        self.single = OnceLock::from(Arc::new(own));
        Ok(pointer)
    }

    /// The address of the values as bfloat16, rounded to the nearest.
    fn half_pointer(&self) -> Result<CUdeviceptr> {
        if let Some(half) = self.half.get() {
            return Ok(*half.device_ptr());
        }
        let made = allocate::<u16>(&self.device, self.len)?;
        let from = self.pointer()?;
        self.convert("to_half", from, *made.device_ptr())?;
        Ok(*self.half.get_or_init(|| Arc::new(made)).device_ptr())
    }

    fn single(&self) -> Result<&CudaSlice<f32>> {
        if let Some(single) = self.single.get() {
            return Ok(single);
        }
        let half = self.half.get().ok_or_else(|| Error::Device("a buffer without memory".to_owned()))?;
        let made = allocate::<f32>(&self.device, self.len)?;
        self.convert("to_single", *half.device_ptr(), *made.device_ptr())?;
        Ok(self.single.get_or_init(|| Arc::new(made)))
    }

    fn convert(&self, how: &'static str, from: CUdeviceptr, to: CUdeviceptr) -> Result<()> {
        let launch =
            Launch::new(&self.device, &KERNELS, how)?.pointer(from).pointer(to).value(self.len as u64);
        // SAFETY: both kernels take (from, to, count), four values per thread; both runs hold `len` values.
        unsafe { launch.each(self.len.div_ceil(4)) }
    }

    /// `rows` × `columns` values from `start` on as a dfdx matrix (a copy).
    ///
    /// # Errors
    /// If the part reaches past the end.
    pub fn part(&self, start: usize, rows: usize, columns: usize) -> Result<Matrix> {
        if start + rows * columns > self.len {
            let message = format!("{rows}×{columns} from {start} of {}", self.len);
            return Err(Error::shape("buffer", message));
        }
        let leaf: Matrix =
            self.device.tensors().try_zeros_like(&(rows, columns)).map_err(|e| failed("dfdx", e))?;
        if rows * columns == 0 {
            return Ok(leaf);
        }
        // dfdx gives access to the memory of a gradient, but not of a tensor. So the values are written to a gradient.
        let mut slot = Gradients::leaky();
        let to = slot.get_or_alloc_mut(&leaf).map_err(|e| failed("dfdx", e))?;
        let from = part(self.single()?, start, rows * columns)?;
        self.device.driver().dtod_copy(&from, to).map_err(|e| failed("copying on the GPU", e))?;
        Ok(slot.get(&leaf))
    }

    /// The values of a dfdx matrix (a copy).
    ///
    /// # Errors
    /// If the copy fails.
    pub fn from_tensor(device: &Device, matrix: &Matrix) -> Result<Self> {
        let refused = |e| failed("dfdx", e);
        let &(rows, columns) = matrix.shape();
        let leaf: Matrix = device.tensors().try_zeros_like(&(rows, columns)).map_err(refused)?;
        if rows * columns == 0 {
            return Self::zeros(device, 0);
        }
        // The reverse of the above: the gradient of Σ x · m with respect to x is m.
        let product = leaf.leaky_trace().try_mul(matrix.clone()).map_err(refused)?;
        let sum: dfdx::tensor::Tensor<(), f32, _, _> = product.try_sum().map_err(refused)?;
        let mut gradients = sum.try_backward().map_err(refused)?;
        let from = gradients.get_or_alloc_mut(&leaf).map_err(refused)?;
        let mut memory = allocate(device, rows * columns)?;
        device.driver().dtod_copy(&**from, &mut memory).map_err(|e| failed("copying on the GPU", e))?;
        Ok(Self::over(device, rows * columns, memory))
    }
}

/// A run of indices on the device.
#[derive(Clone, Debug)]
pub struct Indices {
    memory: Arc<CudaSlice<u32>>,
    len: usize,
    largest: Option<u32>,
}

impl Indices {
    /// Moves host indices to the device.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn from_vec(device: &Device, values: Vec<u32>) -> Result<Self> {
        let mut memory = allocate(device, values.len())?;
        upload(device, &values, &mut memory)?;
        Ok(Self { memory: Arc::new(memory), len: values.len(), largest: values.iter().copied().max() })
    }

    /// `len` zeros, for a kernel to write.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn zeros(device: &Device, len: usize) -> Result<Self> {
        let mut memory = allocate::<u32>(device, len)?;
        device.driver().memset_zeros(&mut memory).map_err(|e| failed("clearing memory", e))?;
        Ok(Self { memory: Arc::new(memory), len, largest: None })
    }

    /// `len` indices that still have to be written.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn unset(device: &Device, len: usize) -> Result<Self> {
        Ok(Self { memory: Arc::new(allocate(device, len)?), len, largest: None })
    }

    /// The largest index, if the host gave the indices.
    pub fn largest(&self) -> Option<u32> {
        self.largest
    }

    /// How many indices there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Their address.
    pub fn pointer(&self) -> CUdeviceptr {
        *self.memory.device_ptr()
    }
}

/// Memory for `len` values (at least one: the driver has no empty allocations).
fn allocate<T: DeviceRepr>(device: &Device, len: usize) -> Result<CudaSlice<T>> {
    // SAFETY: the memory is unset; every caller here writes it before reading.
    unsafe { device.driver().alloc::<T>(len.max(1)) }
        .map_err(|e| failed(&format!("{len} values of {} bytes on the GPU", size_of::<T>()), e))
}

fn part(memory: &CudaSlice<f32>, start: usize, len: usize) -> Result<cudarc::driver::CudaView<'_, f32>> {
    memory
        .try_slice(start..start + len)
        .ok_or_else(|| Error::shape("buffer", format!("{len} from {start} of {}", memory.len())))
}
