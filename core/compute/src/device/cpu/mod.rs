//! The CPU as device: a buffer is a `Vec<f32>`.

mod all_reduce;
mod operand;
mod scratch;
mod shelf;

pub use all_reduce::{AllReduce, Summing};
pub(crate) use operand::Operand;
pub(crate) use scratch::Scratch;

use super::{Matrix, Precision};
use crate::bf16::Family;
use crate::error::{Error, Result};
use dfdx::tensor::{AutoDevice, TensorFromVec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A handle to the compute device.
#[derive(Clone, Debug, Default)]
pub struct Device {
    tensors: AutoDevice,
    /// Whether operands are rounded to bf16.
    bf16: Arc<AtomicBool>,
    sizing: bool,
}

impl Device {
    /// Opens the device.
    ///
    /// # Errors
    /// Never on the CPU; on CUDA where there is no GPU, driver or library.
    pub fn open() -> Result<Self> {
        Ok(Self::default())
    }

    /// Which of several processes on this machine opens the device, counted from 0: each takes a GPU of its own.
    pub fn choose(_process: usize) {}

    /// A handle whose buffers hold nothing: what is built on it is of known shapes, takes no memory and computes nothing.
    #[must_use]
    pub fn sizing(&self) -> Self {
        Self { sizing: true, ..self.clone() }
    }

    /// Whether it is a handle by [`sizing`](Self::sizing).
    pub fn is_sizing(&self) -> bool {
        self.sizing
    }

    /// The name of the device for reports.
    pub fn name(&self) -> String {
        "cpu".to_owned()
    }

    /// The family of kernels that multiplies operands, where the precision leaves a choice: at bf16.
    pub fn family(&self) -> Option<String> {
        (self.precision() == Precision::Bf16).then(|| format!("bf16: {}", Family::here()))
    }

    /// The same device as dfdx knows it.
    pub fn tensors(&self) -> &AutoDevice {
        &self.tensors
    }

    /// How exact matrix products are.
    pub fn precision(&self) -> Precision {
        if self.bf16.load(Ordering::Relaxed) { Precision::Bf16 } else { Precision::F32 }
    }

    /// How exact they are where nothing is said.
    pub fn default_precision(&self) -> Precision {
        Precision::F32
    }

    /// Sets how exact matrix products are, for this handle to the device and all that were cloned from it.
    ///
    /// # Errors
    /// On the CPU for `tf32`, and for `bf16` where `PLASTICITY_BF16` names a family of kernels that this processor lacks.
    pub fn set_precision(&self, precision: Precision) -> Result<()> {
        if !Precision::AVAILABLE.contains(&precision) {
            let message =
                format!("{precision} needs a build with `--features cuda`; the CPU has f32 and bf16");
            return Err(Error::setting("precision", message));
        }
        if precision == Precision::Bf16 {
            Family::found()?;
        }
        self.bf16.store(precision == Precision::Bf16, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until all work handed to the device is done.
    ///
    /// # Errors
    /// Where the device reports that work failed.
    pub fn synchronize(&self) -> Result<()> {
        Ok(())
    }

    /// The most bytes that this process has held so far (`VmHWM` of Linux); `None` where the system does not say.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// Gives memory kept for the next buffers back to the system.
    pub fn empty_cache(&self) {
        shelf::clear();
    }
}

/// A run of `f32` on the device.
#[derive(Debug)]
pub struct Buffer {
    values: Vec<f32>,
    device: Device,
    /// Whether its memory is kept for the next buffers: that which was taken from there, so that what is kept is never
    /// more than what was in use at once.
    shelved: bool,
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut values = shelf::take(self.values.len());
        values.copy_from_slice(&self.values);
        Self { values, device: self.device.clone(), shelved: true }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.shelved {
            shelf::put(std::mem::take(&mut self.values));
        }
    }
}

impl Buffer {
    /// `len` zeros; none on a [`sizing`](Device::sizing) handle.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn zeros(device: &Device, len: usize) -> Result<Self> {
        let len = if device.sizing { 0 } else { len };
        shelf::room(len)?;
        Ok(Self { values: shelf::zeros(len), device: device.clone(), shelved: true })
    }

    /// `len` values that are yet to be written: left over from earlier use.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn unset(device: &Device, len: usize) -> Result<Self> {
        let len = if device.sizing { 0 } else { len };
        shelf::room(len)?;
        Ok(Self { values: shelf::take(len), device: device.clone(), shelved: true })
    }

    /// Moves host values to the device.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn from_vec(device: &Device, values: Vec<f32>) -> Result<Self> {
        Ok(Self { values, device: device.clone(), shelved: false })
    }

    /// A copy of the values on the host.
    ///
    /// # Errors
    /// Where the copy from the device fails.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        Ok(self.values.clone())
    }

    /// Overwrites the buffer with host values of the same length.
    ///
    /// # Errors
    /// Where the lengths differ or the copy fails.
    pub fn copy_from_host(&mut self, values: &[f32]) -> Result<()> {
        if values.len() != self.values.len() {
            let message = format!("expected {} values, got {}", self.values.len(), values.len());
            return Err(Error::shape("buffer", message));
        }
        self.values.copy_from_slice(values);
        Ok(())
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The values where they lie in the host's memory; `None` where they lie on a GPU.
    pub fn host(&self) -> Option<&[f32]> {
        Some(&self.values)
    }

    /// The values where they lie in the host's memory, to be changed; `None` where they lie on a GPU.
    pub fn host_mut(&mut self) -> Option<&mut [f32]> {
        Some(&mut self.values)
    }

    /// The values themselves.
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The values themselves, to be changed.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The buffer as a dfdx matrix of `rows` × `columns` (a copy).
    ///
    /// # Errors
    /// Where `rows · columns` is not the length.
    pub fn tensor(&self, rows: usize, columns: usize) -> Result<Matrix> {
        self.part(0, rows, columns)
    }

    /// `rows` × `columns` values from `start` on as a dfdx matrix (a copy).
    ///
    /// # Errors
    /// Where the part reaches past the end.
    pub fn part(&self, start: usize, rows: usize, columns: usize) -> Result<Matrix> {
        let part = self.values.get(start..start + rows * columns).ok_or_else(|| {
            Error::shape("buffer", format!("{rows}×{columns} from {start} of {}", self.len()))
        })?;
        self.device
            .tensors
            .try_tensor_from_vec(part.to_vec(), (rows, columns))
            .map_err(|e| Error::Device(format!("{e:?}")))
    }

    /// The values of a dfdx matrix (a copy).
    ///
    /// # Errors
    /// Where the copy fails.
    pub fn from_tensor(device: &Device, matrix: &Matrix) -> Result<Self> {
        let mut values =
            vec![0.0; dfdx::shapes::HasShape::shape(matrix).0 * dfdx::shapes::HasShape::shape(matrix).1];
        dfdx::tensor::Tensor::copy_into(matrix, &mut values);
        Self::from_vec(device, values)
    }
}

/// A run of indices on the device.
#[derive(Clone, Debug)]
pub struct Indices {
    values: Vec<u32>,
}

impl Indices {
    /// Moves host indices to the device.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn from_vec(_device: &Device, values: Vec<u32>) -> Result<Self> {
        Ok(Self { values })
    }

    /// The indices.
    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.values
    }
}
