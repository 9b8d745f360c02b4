//! The driver, cuBLAS and NVRTC. They are loaded when the device is opened, and not when the program starts. So a
//! build with `cuda` also starts on a machine without them and says what is missing.
//!
//! cudarc 0.9 declares the libraries' functions as symbols to be linked. The symbols here take their place: each is a
//! jump through a pointer, which [`load`] sets. A function that is not listed here is linked as cudarc declares it.
//!
//! The functions of CUDA 12 and 13 are the same. But the program contains dfdx's kernels as PTX of the toolkit and
//! for the GPU of the build. So driver and GPU must not be older than these.

use crate::error::{Error, Result};
use libloading::Library;
use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The target of a jump before [`load`] sets it.
extern "C" fn unset() -> ! {
    eprintln!("a CUDA function was called before the device was opened: call Device::open first");
    std::process::abort()
}

/// A function: its symbol, and the pointer through which its jump goes.
type Entry = (&'static str, &'static AtomicPtr<c_void>);

macro_rules! functions {
    ($library:ident: $($name:ident)*) => {
        mod $library {
            use super::{AtomicPtr, Entry, c_void, unset};

            #[allow(non_upper_case_globals)]
            mod pointers {
                use super::{AtomicPtr, c_void, unset};
                $(pub(super) static $name: AtomicPtr<c_void> = AtomicPtr::new(unset as *mut c_void);)*
            }

            $(
                #[cfg(target_arch = "x86_64")]
                std::arch::global_asm!(
                    concat!(".globl ", stringify!($name)),
                    concat!(".type ", stringify!($name), ",@function"),
                    concat!(stringify!($name), ":"),
                    "jmp qword ptr [rip + {pointer}]",
                    pointer = sym pointers::$name,
                );
                #[cfg(target_arch = "aarch64")]
                std::arch::global_asm!(
                    concat!(".globl ", stringify!($name)),
                    concat!(".type ", stringify!($name), ",%function"),
                    concat!(stringify!($name), ":"),
                    "adrp x16, {pointer}",
                    "ldr x16, [x16, :lo12:{pointer}]",
                    "br x16",
                    pointer = sym pointers::$name,
                );
            )*

            pub(super) static ALL: &[Entry] = &[$((stringify!($name), &pointers::$name)),*];
        }
    };
}

functions! { driver:
    cuCtxGetCurrent cuCtxSetCurrent cuDestroyExternalMemory cuDeviceGet cuDeviceGetAttribute cuDeviceGetCount
    cuDeviceGetDefaultMemPool cuDeviceGetName cuDevicePrimaryCtxRelease_v2 cuDevicePrimaryCtxRetain cuDeviceTotalMem_v2
    cuDriverGetVersion cuEventCreate cuEventDestroy_v2 cuEventElapsedTime cuEventQuery cuEventRecord cuEventSynchronize
    cuExternalMemoryGetMappedBuffer cuGetErrorName cuGetErrorString cuImportExternalMemory cuInit cuLaunchKernel
    cuMemAllocAsync cuMemAllocHost_v2 cuMemAlloc_v2 cuMemFreeAsync cuMemFreeHost cuMemFree_v2 cuMemGetInfo_v2
    cuMemPoolGetAttribute cuMemPoolSetAttribute cuMemPoolTrimTo cuMemcpyDtoDAsync_v2 cuMemcpyDtoD_v2 cuMemcpyDtoHAsync_v2
    cuMemcpyDtoH_v2 cuMemcpyHtoDAsync_v2 cuMemcpyHtoD_v2 cuMemsetD8Async cuMemsetD8_v2 cuModuleGetFunction cuModuleLoad
    cuModuleLoadData cuModuleUnload cuOccupancyAvailableDynamicSMemPerBlock cuOccupancyMaxActiveBlocksPerMultiprocessor
    cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags cuOccupancyMaxActiveClusters cuOccupancyMaxPotentialBlockSize
    cuOccupancyMaxPotentialBlockSizeWithFlags cuOccupancyMaxPotentialClusterSize cuProfilerStart cuProfilerStop
    cuStreamCreate cuStreamDestroy_v2 cuStreamSynchronize cuStreamWaitEvent
}

functions! { cublas:
    cublasCreate_v2 cublasDestroy_v2 cublasDgemmStridedBatched cublasDgemm_v2 cublasDgemv_v2 cublasGemmEx
    cublasGemmStridedBatchedEx cublasSetStream_v2 cublasSgemmStridedBatched cublasSgemm_v2 cublasSgemv_v2
}

functions! { nvrtc:
    nvrtcCompileProgram nvrtcCreateProgram nvrtcDestroyProgram nvrtcGetCUBIN nvrtcGetCUBINSize nvrtcGetPTX
    nvrtcGetPTXSize nvrtcGetProgramLog nvrtcGetProgramLogSize
}

/// Finds the libraries and sets the jumps. Later calls return the result of the first.
///
/// # Errors
/// If a library is missing; the error names it and the package that contains it.
pub(super) fn load() -> Result<()> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    let all = || {
        set(driver::ALL, &["libcuda.so.1"], "the NVIDIA driver")?;
        // A driver for CUDA 12 does not run CUDA 13; a driver for CUDA 13 runs CUDA 12.
        if driver_version()? >= 13_000 {
            set(cublas::ALL, &["libcublas.so.13", "libcublas.so.12"], "CUDA 12 or 13")?;
            set(nvrtc::ALL, &["libnvrtc.so.13", "libnvrtc.so.12"], "CUDA 12 or 13")
        } else {
            set(cublas::ALL, &["libcublas.so.12"], "CUDA 12, which the driver supports")?;
            set(nvrtc::ALL, &["libnvrtc.so.12"], "CUDA 12, which the driver supports")
        }
    };
    LOADED.get_or_init(all).clone().map_err(Error::Device)
}

/// The newest CUDA that the driver runs: 12040 is 12.4.
fn driver_version() -> Result<i32, String> {
    let mut version = 0;
    // SAFETY: the driver's jumps are set; `version` is a live local, and the call needs no context.
    let status = unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut version) };
    status.result().map(|()| version).map_err(|e| format!("the version of the NVIDIA driver: {e}"))
}

fn set(functions: &[Entry], names: &[&str], part_of: &str) -> Result<(), String> {
    // SAFETY: the initialisers of these libraries have no preconditions.
    let library = names.iter().find_map(|name| unsafe { Library::new(name) }.ok());
    let library = library.ok_or_else(|| {
        let names = names.join(" or ");
        format!(
            "{names}, a part of {part_of}, was not found: install it or put its folder on LD_LIBRARY_PATH; to \
             run on the CPU, build without `--features cuda`"
        )
    })?;
    // The library is never unloaded, because the jumps lead into it.
    let library: &'static Library = Box::leak(Box::new(library));
    for (name, pointer) in functions {
        // SAFETY: only the address is taken here; callers know the signature from cudarc's declarations.
        let found = unsafe { library.get::<*mut c_void>(name.as_bytes()) };
        if let Ok(symbol) = found {
            pointer.store(*symbol, Ordering::Release);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine with CUDA the jumps are set. On a machine without CUDA, the message is one sentence that states
    /// the remedy.
    #[test]
    fn libraries_are_found_or_named() {
        match load() {
            Ok(()) => {
                let unset = unset as *mut c_void;
                assert!(driver::ALL.iter().any(|(_, pointer)| pointer.load(Ordering::Acquire) != unset));
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("was not found"), "{message}");
                assert!(message.contains("build without `--features cuda`"), "{message}");
            }
        }
    }
}
