//! NVRTC: compiles sources for the GPU in use.
//!
//! The result is machine code, which every driver of the same major version of CUDA (12 or 13) loads. A
//! driver would refuse PTX of a newer minor version.

use super::failed;
use crate::error::{Error, Result};
use cudarc::nvrtc::result::{
    NvrtcError, compile_program, create_program, destroy_program, get_program_log, get_ptx,
};
use cudarc::nvrtc::sys::{nvrtcGetCUBIN, nvrtcGetCUBINSize, nvrtcProgram, nvrtcResult};
use std::ffi::c_char;

/// The target for a GPU that NVRTC does not know yet: PTX, which the driver compiles further.
const NEWEST: &str = "--gpu-architecture=compute_90";

/// A program of NVRTC.
struct Program(nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: `create_program` made the program, and only this value holds it.
        let _ = unsafe { destroy_program(self.0) };
    }
}

/// Compiles `source`, which includes no headers, to an image that the driver loads on a GPU of this compute capability.
///
/// # Errors
/// If the source does not compile, which is a bug; the error has NVRTC's log.
pub(super) fn compile(name: &str, source: &str, (major, minor): (i32, i32)) -> Result<Vec<c_char>> {
    let program = Program(create_program(source).map_err(|e| failed("NVRTC", e))?);
    let own = format!("--gpu-architecture=sm_{major}{minor}");
    // SAFETY: the program lives; so at every call below.
    match unsafe { compile_program(program.0, &[own.as_str()]) } {
        Ok(()) => machine_code(&program),
        Err(NvrtcError(nvrtcResult::NVRTC_ERROR_INVALID_OPTION)) => {
            // SAFETY: as above.
            let compiled = unsafe { compile_program(program.0, &[NEWEST]) };
            compiled.map_err(|error| refused(name, &program, error))?;
            // SAFETY: as above, and it is compiled.
            unsafe { get_ptx(program.0) }.map_err(|e| failed("NVRTC", e))
        }
        Err(error) => Err(refused(name, &program, error)),
    }
}

fn machine_code(program: &Program) -> Result<Vec<c_char>> {
    let mut len = 0;
    // SAFETY: the program is compiled for a GPU, and `len` a live local.
    let found = unsafe { nvrtcGetCUBINSize(program.0, &raw mut len) }.result();
    let mut image: Vec<c_char> = vec![0; len];
    // SAFETY: the image has room for as many bytes as NVRTC just said.
    let found = found.and_then(|()| unsafe { nvrtcGetCUBIN(program.0, image.as_mut_ptr()) }.result());
    found.map(|()| image).map_err(|e| failed("NVRTC", e))
}

fn refused(name: &str, program: &Program, error: NvrtcError) -> Error {
    // SAFETY: the program lives.
    let log = unsafe { get_program_log(program.0) }.unwrap_or_default();
    let log = log.into_iter().map(|byte| byte as u8).take_while(|&byte| byte != 0).collect::<Vec<_>>();
    Error::Device(format!("NVRTC on {name}: {error}: {}", String::from_utf8_lossy(&log)))
}
