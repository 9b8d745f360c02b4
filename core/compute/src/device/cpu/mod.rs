//! The CPU as device: a buffer is a `Vec<f32>`.

mod all_reduce;
mod near;
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
    /// Never on the CPU; on CUDA if there is no GPU, driver or library.
    pub fn open() -> Result<Self> {
        Ok(Self::default())
    }

    /// Which of several processes on this machine opens the device, counted from 0: each takes a GPU of its own.
    pub fn choose(_process: usize) {}

    /// A handle whose buffers are empty. Objects built on it have known shapes, need no memory and compute nothing.
    #[must_use]
    pub fn sizing(&self) -> Self {
        Self { sizing: true, ..self.clone() }
    }

    /// Whether [`sizing`](Self::sizing) made this handle.
    pub fn is_sizing(&self) -> bool {
        self.sizing
    }

    /// The name of the device for reports.
    pub fn name(&self) -> String {
        "cpu".to_owned()
    }

    /// The family of kernels that multiplies operands, if the precision allows several: at bf16.
    pub fn family(&self) -> Option<String> {
        (self.precision() == Precision::Bf16).then(|| format!("bf16: {}", Family::here()))
    }

    /// The same device as dfdx knows it.
    pub fn tensors(&self) -> &AutoDevice {
        &self.tensors
    }

    /// The precision of matrix products.
    pub fn precision(&self) -> Precision {
        if self.bf16.load(Ordering::Relaxed) { Precision::Bf16 } else { Precision::F32 }
    }

    /// The default precision of matrix products.
    pub fn default_precision(&self) -> Precision {
        Precision::F32
    }

    /// Sets the precision of matrix products, for this handle to the device and all handles that share it by cloning.
    ///
    /// # Errors
    /// On the CPU for `tf32`, and for `bf16` if `PLASTICITY_BF16` names a family of kernels that this processor lacks.
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
    /// If the device reports that work failed.
    pub fn synchronize(&self) -> Result<()> {
        Ok(())
    }

    /// The peak memory of this process in bytes so far (`VmHWM` of Linux); `None` if the system does not report it.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// Returns the memory that is kept for the next buffers to the system. Each thread keeps its small working memory, at
    /// most 8 MiB.
    pub fn empty_cache(&self) {
        shelf::clear();
    }
}

/// A run of `f32` on the device.
#[derive(Debug)]
pub struct Buffer {
    values: Vec<f32>,
    device: Device,
    /// Whether its memory is kept for the next buffers. Only memory that came from kept memory is kept again, so that
    /// the program never keeps more than it used at one time.
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
    /// If the device has no memory.
    pub fn zeros(device: &Device, len: usize) -> Result<Self> {
        let len = if device.sizing { 0 } else { len };
        shelf::room(len)?;
        Ok(Self { values: shelf::zeros(len), device: device.clone(), shelved: true })
    }

    /// `len` values that still have to be written; they hold old data.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn unset(device: &Device, len: usize) -> Result<Self> {
        let len = if device.sizing { 0 } else { len };
        shelf::room(len)?;
        Ok(Self { values: shelf::take(len), device: device.clone(), shelved: true })
    }

    /// Moves host values to the device.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn from_vec(device: &Device, values: Vec<f32>) -> Result<Self> {
        Ok(Self { values, device: device.clone(), shelved: false })
    }

    /// A copy of the values on the host.
    ///
    /// # Errors
    /// If the copy from the device fails.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        Ok(self.values.clone())
    }

    /// Overwrites the buffer with host values of the same length.
    ///
    /// # Errors
    /// If the lengths differ or the copy fails.
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

    /// The values if they are in the host's memory; `None` if they are on a GPU.
    pub fn host(&self) -> Option<&[f32]> {
        Some(&self.values)
    }

    /// The values, mutable, if they are in the host's memory; `None` if they are on a GPU.
    pub fn host_mut(&mut self) -> Option<&mut [f32]> {
        Some(&mut self.values)
    }

    /// The values themselves.
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The values themselves, mutable.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// `rows` × `columns` values from `start` on as a dfdx matrix (a copy).
    ///
    /// # Errors
    /// If the part reaches past the end.
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
    /// If the copy fails.
    pub fn from_tensor(device: &Device, matrix: &Matrix) -> Result<Self> {
        Self::from_vec(device, matrix.as_vec())
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
    /// If the device has no memory.
    pub fn from_vec(_device: &Device, values: Vec<u32>) -> Result<Self> {
        Ok(Self { values })
    }

    /// The indices.
    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.values
    }
}
