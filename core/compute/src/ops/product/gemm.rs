//! Matrix products by cuBLAS.

use crate::device::cuda::{Values, failed};
use crate::device::{Device, Precision};
use crate::error::{Error, Result};
use cudarc::cublas::{result, sys};
use cudarc::driver::sys::CUdeviceptr;

/// C = A · B (+ C) on row-major operands, as in [`Product`](crate::ops::Product), with sums in `f32`.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the summed axis.
    pub k: usize,
    /// A is stored transposed.
    pub transpose_a: bool,
    /// B is stored transposed.
    pub transpose_b: bool,
    /// Adds to C instead of overwriting it.
    pub accumulate: bool,
    /// The type of A and B in memory.
    pub operands: Values,
    /// The type of C in memory.
    pub result: Values,
}

/// Runs `p` on memory of the device.
///
/// # Safety
/// The pointers must point to `m · k`, `k · n` and `m · n` values of the types in `p`.
///
/// # Errors
/// If a dimension is past 2³¹, or cuBLAS refuses.
pub unsafe fn gemm(device: &Device, p: Gemm, a: CUdeviceptr, b: CUdeviceptr, c: CUdeviceptr) -> Result<()> {
    if p.m == 0 || p.n == 0 {
        return Ok(());
    }
    let size = |size: usize| {
        i32::try_from(size)
            .map_err(|_| Error::shape("matrix product", format!("a side of {size} is too long")))
    };
    let (m, n, k) = (size(p.m)?, size(p.n)?, size(p.k)?);
    let operation = |transposed| match transposed {
        true => sys::cublasOperation_t::CUBLAS_OP_T,
        false => sys::cublasOperation_t::CUBLAS_OP_N,
    };
    let compute = match (p.operands, device.precision()) {
        (Values::Single, Precision::F32) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        (Values::Single, _) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
        (Values::Half, _) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
    };
    let (alpha, beta) = (1.0f32, if p.accumulate { 1.0f32 } else { 0.0 });
    let (operands, values) = (name(p.operands), name(p.result));
    device.bind()?;
    // cuBLAS counts columns first: row-major C = A · B is column-major Cᵀ = Bᵀ · Aᵀ, the same memory.
    let (lead_b, lead_a) = (if p.transpose_b { k } else { n }, if p.transpose_a { m } else { k });
    // SAFETY: as the caller promises; both factors are live `f32`, as the compute type asks for.
    let status = unsafe {
        result::gemm_ex(
            *device.blas().handle(),
            operation(p.transpose_b),
            operation(p.transpose_a),
            n,
            m,
            k,
            (&raw const alpha).cast(),
            b as *const _,
            operands,
            lead_b.max(1),
            a as *const _,
            operands,
            lead_a.max(1),
            (&raw const beta).cast(),
            c as *mut _,
            values,
            n,
            compute,
            sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
        )
    };
    status.map_err(|e| failed("cuBLAS", e))
}

fn name(values: Values) -> sys::cudaDataType {
    match values {
        Values::Single => sys::cudaDataType::CUDA_R_32F,
        Values::Half => sys::cudaDataType::CUDA_R_16BF,
    }
}
