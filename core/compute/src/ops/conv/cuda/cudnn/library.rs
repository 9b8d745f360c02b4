//! The part of cuDNN's C interface that convolutions need. It is loaded at run time, so a build works without it.

use crate::device::Device;
use crate::{Error, Result};
use cudarc::driver::sys::CUdeviceptr;
use libloading::Library;
use std::ffi::{CStr, c_char, c_int, c_void};

/// The file names of the library.
const NAMES: [&str; 3] = ["libcudnn.so.9", "libcudnn.so.8", "libcudnn.so"];

type Status = c_int;
/// A handle or descriptor.
pub(super) type Opaque = *mut c_void;
type Create = unsafe extern "C" fn(*mut Opaque) -> Status;
type Memory = *const c_void;

/// The functions that are called, by their names without the leading `cudnn`.
#[allow(missing_docs)]
pub(super) struct Functions {
    pub(super) create_tensor: Create,
    pub(super) create_filter: Create,
    pub(super) create_convolution: Create,
    pub(super) set_tensor: unsafe extern "C" fn(Opaque, c_int, c_int, c_int, c_int, c_int, c_int) -> Status,
    pub(super) set_filter: unsafe extern "C" fn(Opaque, c_int, c_int, c_int, c_int, c_int, c_int) -> Status,
    #[allow(clippy::type_complexity)]
    pub(super) set_convolution:
        unsafe extern "C" fn(Opaque, c_int, c_int, c_int, c_int, c_int, c_int, c_int, c_int) -> Status,
    pub(super) set_math: unsafe extern "C" fn(Opaque, c_int) -> Status,
    pub(super) workspace: [WorkspaceSize; 3],
    pub(super) run: [Run; 3],
    error: unsafe extern "C" fn(Status) -> *const c_char,
    version: unsafe extern "C" fn() -> usize,
    pub(super) handle: Opaque,
}

/// `cudnnGetConvolution{Forward, BackwardFilter, BackwardData}WorkspaceSize`: handle, four descriptors in the order of
/// cuDNN's manual, algorithm, size.
type WorkspaceSize =
    unsafe extern "C" fn(Opaque, Opaque, Opaque, Opaque, Opaque, c_int, *mut usize) -> Status;

/// `cudnnConvolution{Forward, BackwardFilter, BackwardData}`: handle, alpha, operand, operand, convolution, algorithm,
/// workspace, beta, result; every operand a descriptor and memory.
pub(super) type Run = unsafe extern "C" fn(
    Opaque,
    Memory,
    Opaque,
    Memory,
    Opaque,
    Memory,
    Opaque,
    c_int,
    *mut c_void,
    usize,
    Memory,
    Opaque,
    *mut c_void,
) -> Status;

impl Functions {
    /// The error of a call, if it failed.
    pub(super) fn check(&self, what: &str, status: Status) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: cuDNN gives a static string for every status.
        let name = unsafe { CStr::from_ptr((self.error)(status)) };
        Err(Error::Device(format!("{what}: {}", name.to_string_lossy())))
    }

    /// The library's version: 8.9.2 is 8902, 9.1.0 is 90100.
    pub(super) fn version(&self) -> String {
        // SAFETY: the function has no arguments and no preconditions.
        let version = unsafe { (self.version)() };
        let major = if version < 10_000 { 1_000 } else { 10_000 };
        format!("{}.{}.{}", version / major, version % major / 100, version % 100)
    }
}

/// cuDNN on the device's stream.
///
/// # Errors
/// If something is missing or a call fails; the error names it.
pub(super) fn open(device: &Device) -> Result<Functions> {
    let mut missing = Vec::new();
    for name in NAMES {
        // SAFETY: cuDNN's initialisers have no preconditions.
        match unsafe { Library::new(name) } {
            Ok(library) => {
                device.bind()?;
                // The library is never unloaded, because the functions are in it.
                let library = Box::leak(Box::new(library));
                // SAFETY: the library was found under a name of cuDNN 8 or 9.
                return unsafe { load(library, *device.driver().cu_stream() as Opaque) };
            }
            Err(error) => missing.push(error.to_string()),
        }
    }
    Err(Error::Device(missing.join("; ")))
}

/// # Safety
/// `library` must be cuDNN 8 or 9.
unsafe fn load(library: &'static Library, stream: Opaque) -> Result<Functions> {
    macro_rules! get {
        ($name:literal) => {{
            // SAFETY: the signatures are those of the headers of cuDNN 8 and 9, which the library is.
            let found = unsafe { library.get(concat!("cudnn", $name, "\0").as_bytes()) };
            *found.map_err(|error| Error::Device(error.to_string()))?
        }};
    }
    let mut functions = Functions {
        create_tensor: get!("CreateTensorDescriptor"),
        create_filter: get!("CreateFilterDescriptor"),
        create_convolution: get!("CreateConvolutionDescriptor"),
        set_tensor: get!("SetTensor4dDescriptor"),
        set_filter: get!("SetFilter4dDescriptor"),
        set_convolution: get!("SetConvolution2dDescriptor"),
        set_math: get!("SetConvolutionMathType"),
        workspace: [
            get!("GetConvolutionForwardWorkspaceSize"),
            get!("GetConvolutionBackwardFilterWorkspaceSize"),
            get!("GetConvolutionBackwardDataWorkspaceSize"),
        ],
        run: [get!("ConvolutionForward"), get!("ConvolutionBackwardFilter"), get!("ConvolutionBackwardData")],
        error: get!("GetErrorString"),
        version: get!("GetVersion"),
        handle: std::ptr::null_mut(),
    };
    let create: Create = get!("Create");
    let set_stream: unsafe extern "C" fn(Opaque, Opaque) -> Status = get!("SetStream");
    // SAFETY: the handle is written to a live place, in the context that is current.
    let status = unsafe { create(&mut functions.handle) };
    functions.check("its handle", status)?;
    // SAFETY: the handle was made above; the stream is the device's.
    functions.check("its stream", unsafe { set_stream(functions.handle, stream) })?;
    Ok(functions)
}

/// A device pointer as cuDNN takes it.
pub(super) fn memory(pointer: CUdeviceptr) -> *mut c_void {
    pointer as *mut c_void
}
