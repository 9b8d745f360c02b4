//! This project's kernels, launched on the default stream. They are machine code in the build, or NVRTC compiles them
//! at first use for the GPU in use.

use super::compile::compile;
use super::embedded;
use super::{Device, failed};
use crate::error::{Error, Result};
use cudarc::driver::result::{launch_kernel, module};
use cudarc::driver::sys::{CUdeviceptr, CUfunction};
use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::sync::PoisonError;

/// A CUDA C++ source with the kernels in it.
#[derive(Debug)]
pub struct Kernels {
    /// Its name, unique among all sources.
    pub name: &'static str,
    /// The source; it includes no headers.
    pub source: &'static str,
    /// Its `extern "C" __global__` functions.
    pub functions: &'static [&'static str],
}

/// Threads of a block where a kernel works element by element.
const THREADS: u32 = 256;

/// Loaded kernels, by the names of source and kernel. They live as long as the process.
#[derive(Debug, Default)]
pub(super) struct Loaded(HashMap<(&'static str, &'static str), Function>);

#[derive(Clone, Copy, Debug)]
struct Function(CUfunction);

// SAFETY: the driver allows any thread to use this handle while the context is current.
unsafe impl Send for Function {}

/// The call of a kernel: its arguments, in order, then how many threads.
#[must_use]
pub struct Launch<'a> {
    device: &'a Device,
    function: Function,
    arguments: Vec<u64>,
    starts: Vec<usize>,
}

impl<'a> Launch<'a> {
    /// A call of `function` of `kernels`, which are compiled if necessary.
    ///
    /// # Errors
    /// If the source does not compile, which is a bug, or NVRTC does not know the GPU.
    pub fn new(device: &'a Device, kernels: &Kernels, function: &'static str) -> Result<Self> {
        device.bind()?;
        let mut loaded = device.shared.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kernels.name, function);
        if !loaded.0.contains_key(&key) {
            load(device, kernels, &mut loaded)?;
        }
        let function = loaded.0.get(&key).copied();
        let function =
            function.ok_or_else(|| Error::Device(format!("{} has no kernel {function:?}", kernels.name)))?;
        Ok(Self { device, function, arguments: Vec::with_capacity(16), starts: Vec::with_capacity(16) })
    }

    /// The next argument: a number, or a `repr(C)` struct that the kernel takes by value.
    pub fn value<T: Copy>(mut self, value: T) -> Self {
        let start = self.arguments.len();
        self.arguments.resize(start + size_of::<T>().div_ceil(8), 0);
        self.starts.push(start);
        // SAFETY: at `start` there is room for a `T` (just made), aligned to 8; `T` is plain data that is copied.
        unsafe { self.arguments.as_mut_ptr().add(start).cast::<T>().write_unaligned(value) };
        self
    }

    /// The next argument: memory on the device.
    pub fn pointer(self, pointer: CUdeviceptr) -> Self {
        self.value(pointer)
    }

    /// Runs one thread for each of `count` elements; none if there are none.
    ///
    /// # Safety
    /// The arguments must be those that the kernel declares, and the kernel must access only the memory that they name.
    ///
    /// # Errors
    /// If the driver refuses, or earlier work failed.
    pub unsafe fn each(self, count: usize) -> Result<()> {
        let blocks = count.div_ceil(THREADS as usize);
        // SAFETY: as the caller promises.
        unsafe { self.run([blocks, 1, 1], [THREADS, 1, 1], 0) }
    }

    /// Runs `blocks` of `threads`, with `shared` bytes of dynamic shared memory; nothing if there are no blocks.
    ///
    /// # Safety
    /// As for [`each`](Self::each).
    ///
    /// # Errors
    /// If the driver refuses, or earlier work failed.
    pub unsafe fn run(mut self, blocks: [usize; 3], threads: [u32; 3], shared: u32) -> Result<()> {
        if blocks.contains(&0) {
            return Ok(());
        }
        let [x, y, z] = blocks;
        let too_many =
            || Error::Device(format!("a kernel would need {x}×{y}×{z} blocks; use smaller batches"));
        let [x, y, z] = [u32::try_from(x), u32::try_from(y), u32::try_from(z)].map(Result::ok);
        let (Some(x), Some(y), Some(z)) = (x, y, z) else { return Err(too_many()) };
        if x > i32::MAX as u32 || y > 65_535 || z > 65_535 {
            return Err(too_many());
        }
        let base = self.arguments.as_mut_ptr();
        // SAFETY: every start lies inside `arguments`.
        let mut pointers: Vec<_> =
            self.starts.iter().map(|&start| unsafe { base.add(start) }.cast()).collect();
        let stream = *self.device.driver().cu_stream();
        let threads = (threads[0], threads[1], threads[2]);
        // SAFETY: as the caller promises; the arguments outlive the call, which copies them; `new` made the
        // context current.
        let launched =
            unsafe { launch_kernel(self.function.0, (x, y, z), threads, shared, stream, &mut pointers) };
        launched.map_err(|e| failed("launching a kernel", e))
    }
}

/// A size as an argument of kernels.
///
/// # Errors
/// If it does not fit 32 bits.
pub(crate) fn size(size: usize) -> Result<u32> {
    let too_long =
        || Error::Device(format!("an axis of {size} is too long for a kernel; use smaller batches"));
    u32::try_from(size).map_err(|_| too_long())
}

fn load(device: &Device, kernels: &Kernels, loaded: &mut Loaded) -> Result<()> {
    let image = match embedded::find(kernels.name, kernels.source, device.capability()) {
        // The copy is aligned.
        Some(code) => code.iter().map(|&byte| byte as c_char).collect(),
        None => compile(kernels.name, kernels.source, device.capability())?,
    };
    // SAFETY: NVRTC or nvcc made `image`, and it outlives the call.
    let module = unsafe { module::load_data(image.as_ptr().cast()) }.map_err(|e| failed(kernels.name, e))?;
    for &name in kernels.functions {
        let symbol = CString::new(name).map_err(|e| failed(name, e))?;
        // SAFETY: `module` was loaded above and is never unloaded.
        let function = unsafe { module::get_function(module, symbol) }.map_err(|e| failed(name, e))?;
        loaded.0.insert((kernels.name, name), Function(function));
    }
    Ok(())
}
