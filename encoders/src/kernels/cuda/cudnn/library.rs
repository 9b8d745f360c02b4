//! The part of cuDNN's C interface that convolutions need, found at run time, so that a build works without it.

use cudarc::driver::sys::CUdeviceptr;
use libloading::Library;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

/// The environment variable that keeps cuDNN from being used: `off`.
pub(super) const SWITCH: &str = "PLASTICITY_CUDNN";

/// Names under which the library is looked for.
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

// SAFETY: function pointers and a handle; all calls that use the handle hold the lock of `plans`.
unsafe impl Send for Functions {}
// SAFETY: as above.
unsafe impl Sync for Functions {}

impl Functions {
    /// The error of a call, if it failed.
    pub(super) fn check(&self, what: &str, status: Status) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: cuDNN gives a static string for every status.
        let name = unsafe { CStr::from_ptr((self.error)(status)) };
        Err(Error::Device(format!("cuDNN, {what}: {}", name.to_string_lossy())))
    }
}

/// cuDNN on the device's stream; `None` where it is not installed or switched off.
pub(super) fn functions(device: &Device) -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    FUNCTIONS
        .get_or_init(|| {
            if std::env::var(SWITCH).is_ok_and(|value| value == "off") {
                return None;
            }
            // SAFETY: cuDNN's initialisers have no preconditions.
            let library = NAMES.iter().find_map(|name| unsafe { Library::new(name) }.ok())?;
            device.bind().ok()?;
            // SAFETY: the signatures are those of cuDNN 8 and 9's headers.
            unsafe { load(Box::leak(Box::new(library)), *device.driver().cu_stream() as Opaque) }
        })
        .as_ref()
}

/// # Safety
/// `library` must be cuDNN 8 or 9.
unsafe fn load(library: &'static Library, stream: Opaque) -> Option<Functions> {
    macro_rules! get {
        ($name:literal) => {
            // SAFETY: as the caller promises.
            *unsafe { library.get(concat!("cudnn", $name, "\0").as_bytes()) }.ok()?
        };
    }
    let create: Create = get!("Create");
    let set_stream: unsafe extern "C" fn(Opaque, Opaque) -> Status = get!("SetStream");
    let mut handle = std::ptr::null_mut();
    // SAFETY: `handle` is a live local; the stream is the device's.
    if unsafe { create(&mut handle) } != 0 || unsafe { set_stream(handle, stream) } != 0 {
        return None;
    }
    Some(Functions {
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
        handle,
    })
}

/// A device pointer as cuDNN takes it.
pub(super) fn memory(pointer: CUdeviceptr) -> *mut c_void {
    pointer as *mut c_void
}
