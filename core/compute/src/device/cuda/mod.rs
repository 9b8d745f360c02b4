//! An NVIDIA GPU as device: dfdx's handle and ours share its primary context and default stream.
//!
//! Work is queued and runs in order; the host waits only where it reads values back. Memory comes from the
//! driver's stream-ordered pool, which keeps what is freed, so a training step allocates nothing new.

mod all_reduce;
mod buffer;
mod compile;
mod embedded;
mod kernel;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod libraries;
mod staging;

pub use all_reduce::{AllReduce, Summing};
pub use buffer::{Buffer, Indices, Values};
pub(crate) use kernel::size;
pub use kernel::{Kernels, Launch};

use super::Precision;
use crate::error::{Error, Result};
use cudarc::cublas::CudaBlas;
use cudarc::driver::sys::{self, CUdevice_attribute as Attribute};
use cudarc::driver::{CudaDevice, result};
use dfdx::tensor::{AutoDevice, Cuda};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The environment variable that sets the precision at start: `f32`, `tf32` or `bf16`.
pub const PRECISION: &str = "PLASTICITY_PRECISION";

/// Which of the processes on this machine this one is.
static PROCESS: AtomicUsize = AtomicUsize::new(0);

/// The GPU of a process, of `count`: processes take one after the other, and begin again where there are more of them.
fn ordinal(process: usize, count: usize) -> usize {
    process % count.max(1)
}

/// A handle to the compute device.
#[derive(Clone, Debug)]
pub struct Device {
    shared: Arc<Shared>,
    sizing: bool,
}

#[derive(Debug)]
struct Shared {
    tensors: AutoDevice,
    driver: Arc<CudaDevice>,
    blas: CudaBlas,
    precision: AtomicU8,
    default_precision: Precision,
    name: String,
    capability: (i32, i32),
    kernels: Mutex<kernel::Loaded>,
    staging: Mutex<staging::Staging>,
}

// SAFETY: only dfdx's second stream prevents `Cuda` from being `Send` and `Sync` automatically. It is a handle that is
// made once and never handed out, and the driver allows every thread to use it. The backward passes of dfdx's products
// switch cuBLAS between two streams and order these by one event. If two threads use dfdx at the same time, they may
// confuse this order. Then numbers on the device are wrong, but no memory of the host is touched. A run computes on
// one thread, and tests with CUDA run one at a time.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// The error of a call of the driver or of a library on the device.
pub fn failed(what: &str, error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("{what}: {error:?}"))
}

impl Device {
    /// Which of several processes on this machine opens the device, counted from 0: each takes a GPU of its own. To be called
    /// before the device is [opened](Self::open).
    pub fn choose(process: usize) {
        PROCESS.store(process, Ordering::Relaxed);
    }

    /// Opens the first GPU that the driver shows (`CUDA_VISIBLE_DEVICES` chooses), or the one that was [chosen](Self::choose);
    /// later calls share it.
    ///
    /// # Errors
    /// If there is no GPU, driver or library, or the GPU is older than compute capability 8.0.
    pub fn open() -> Result<Self> {
        static DEVICE: OnceLock<Device> = OnceLock::new();
        static OPENING: Mutex<()> = Mutex::new(());
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = DEVICE.get() {
            return Ok(device.clone());
        }
        let device = Self::first()?;
        Ok(DEVICE.get_or_init(|| device).clone())
    }

    fn first() -> Result<Self> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        libraries::load()?;
        let remedy = "to run on the CPU, build without `--features cuda`";
        let count = result::init()
            .and_then(|()| result::device::get_count())
            .map_err(|e| Error::Device(format!("the CUDA driver does not start ({e}); {remedy}")))?;
        if count == 0 {
            return Err(Error::Device(format!("no NVIDIA GPU is visible; {remedy}")));
        }
        let ordinal = ordinal(PROCESS.load(Ordering::Relaxed), count.try_into().unwrap_or_default());
        let driver = CudaDevice::new(ordinal).map_err(|e| failed("opening the GPU", e))?;
        let attribute = |a| driver.attribute(a).map_err(|e| failed("asking the GPU", e));
        let capability = (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        );
        let name = name(*driver.cu_device());
        if capability < (8, 0) {
            let (major, minor) = capability;
            let message =
                format!("{name} has compute capability {major}.{minor}, but 8.0 is needed; {remedy}");
            return Err(Error::Device(message));
        }
        if attribute(Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)? != 0 {
            keep_freed_memory(*driver.cu_device())?;
        }
        let precision = match std::env::var(PRECISION) {
            Ok(name) => name.parse()?,
            Err(_) => Precision::default(),
        };
        let tensors = Cuda::try_build(ordinal, 0).map_err(|e| failed("dfdx", e))?;
        let blas = CudaBlas::new(driver.clone()).map_err(|e| failed("cuBLAS", e))?;
        let shared = Shared {
            tensors,
            driver,
            blas,
            precision: AtomicU8::new(precision as u8),
            default_precision: precision,
            name,
            capability,
            kernels: Mutex::default(),
            staging: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), sizing: false })
    }

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
        format!("cuda ({})", self.shared.name)
    }

    /// The family of kernels that multiplies operands, if the precision allows several: always `None` here.
    pub fn family(&self) -> Option<String> {
        None
    }

    /// The same device as dfdx knows it.
    pub fn tensors(&self) -> &AutoDevice {
        &self.shared.tensors
    }

    /// The same device as cudarc knows it.
    pub fn driver(&self) -> &Arc<CudaDevice> {
        &self.shared.driver
    }

    /// The type of maps and operands in memory at the device's precision.
    pub fn values(&self) -> Values {
        if self.precision() == Precision::Bf16 { Values::Half } else { Values::Single }
    }

    /// The handle to cuBLAS.
    pub fn blas(&self) -> &CudaBlas {
        &self.shared.blas
    }

    /// Compute capability, major and minor.
    pub fn capability(&self) -> (i32, i32) {
        self.shared.capability
    }

    /// The precision of matrix products.
    pub fn precision(&self) -> Precision {
        match self.shared.precision.load(Ordering::Relaxed) {
            0 => Precision::F32,
            1 => Precision::Tf32,
            _ => Precision::Bf16,
        }
    }

    /// The default precision: the value of the environment variable [`PRECISION`] at start, or TF32.
    pub fn default_precision(&self) -> Precision {
        self.shared.default_precision
    }

    /// Sets the precision of matrix products, for every handle to the device.
    ///
    /// # Errors
    /// Never on CUDA. On the CPU, see the same function there.
    pub fn set_precision(&self, precision: Precision) -> Result<()> {
        self.shared.precision.store(precision as u8, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until all work handed to the device is done.
    ///
    /// # Errors
    /// If the device reports that work failed.
    pub fn synchronize(&self) -> Result<()> {
        self.bind()?;
        self.driver().synchronize().map_err(|e| failed("work on the GPU", e))
    }

    /// The peak memory of tensors, maps and workspaces in bytes so far, without the memory of CUDA's libraries; `None`
    /// if the driver does not report it.
    pub fn peak_memory(&self) -> Option<u64> {
        let (pool, mut bytes) = (pool(*self.driver().cu_device()).ok()?, 0u64);
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        // SAFETY: the pool is the device's, and `bytes` a live local of the type that the attribute has.
        let status = unsafe { sys::cuMemPoolGetAttribute(pool, attribute, (&raw mut bytes).cast()) };
        status.result().ok().map(|()| bytes)
    }

    /// Waits for all work, and returns the memory that the driver's pool keeps for the next buffers to the system.
    pub fn empty_cache(&self) {
        let trimmed = self.synchronize().and_then(|()| {
            let pool = pool(*self.driver().cu_device())?;
            // SAFETY: the pool is the device's; what is in use stays.
            let status = unsafe { sys::cuMemPoolTrimTo(pool, 0) };
            status.result().map_err(|e| failed("the GPU's memory pool", e))
        });
        if let Err(error) = trimmed {
            tracing::warn!("{error}: freed memory stays with the process");
        }
    }

    /// Makes the device's context current in the calling thread, which CUDA libraries require.
    ///
    /// # Errors
    /// If the driver refuses.
    pub fn bind(&self) -> Result<()> {
        self.driver().bind_to_thread().map_err(|e| failed("binding the GPU to a thread", e))
    }
}

fn name(device: sys::CUdevice) -> String {
    let mut name = [0u8; 128];
    // SAFETY: `name` has room for 127 characters and the zero that ends them, and outlives the call.
    let status = unsafe { sys::cuDeviceGetName(name.as_mut_ptr().cast(), 127, device) };
    match status.result() {
        Ok(()) => String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned(),
        Err(_) => "NVIDIA GPU".to_owned(),
    }
}

/// The pool from which all memory comes.
fn pool(device: sys::CUdevice) -> Result<sys::CUmemoryPool> {
    let mut pool = std::ptr::null_mut();
    // SAFETY: `pool` is a live local.
    let status = unsafe { sys::cuDeviceGetDefaultMemPool(&mut pool, device) };
    status.result().map(|()| pool).map_err(|e| failed("the GPU's memory pool", e))
}

/// Freed memory stays with the process, so that allocations of the next step need no system call.
fn keep_freed_memory(device: sys::CUdevice) -> Result<()> {
    let (pool, mut all) = (pool(device)?, u64::MAX);
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the pool is the device's, and `all` a live local of the type that the attribute has.
    let status = unsafe { sys::cuMemPoolSetAttribute(pool, attribute, (&raw mut all).cast()) };
    status.result().map_err(|e| failed("the GPU's memory pool", e))
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn processes_take_gpus_one_after_the_other() {
        assert_eq!([0, 1, 2, 3].map(|process| ordinal(process, 2)), [0, 1, 0, 1]);
        // One whose starter shows it a single GPU takes that.
        assert_eq!(ordinal(3, 1), 0);
    }
}
