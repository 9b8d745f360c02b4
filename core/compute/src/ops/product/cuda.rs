//! Matrix products on an NVIDIA GPU, by cuBLAS.

use super::Product;
use super::gemm::{Gemm, gemm};
use crate::device::Buffer;
use crate::device::cuda::Values;
use crate::error::{Error, Result};

/// C = A · B (+ C): see [`Product`]. Operands are rounded as the device's precision says.
///
/// # Errors
/// If an operand reaches past its buffer.
pub fn product(p: Product, a: &Buffer, b: &Buffer, c: &mut Buffer) -> Result<()> {
    let fits = p.a + p.m * p.k <= a.len() && p.b + p.k * p.n <= b.len() && p.c + p.m * p.n <= c.len();
    if !fits {
        let message = format!("{p:?} does not fit buffers of {}, {} and {}", a.len(), b.len(), c.len());
        return Err(Error::shape("matrix product", message));
    }
    let device = a.device();
    let values = device.values();
    let at = |buffer: &Buffer, start: usize| Ok(buffer.pointer_as(values)? + values.bytes() * start as u64);
    let (from_a, from_b) = (at(a, p.a)?, at(b, p.b)?);
    let rounded = Gemm {
        m: p.m,
        n: p.n,
        k: p.k,
        transpose_a: p.transpose_a,
        transpose_b: p.transpose_b,
        accumulate: p.accumulate,
        operands: values,
        result: Values::Single,
    };
    let to = c.pointer_mut()? + 4 * p.c as u64;
    // SAFETY: the three parts lie inside their buffers, as checked above.
    unsafe { gemm(device, rounded, from_a, from_b, to) }
}
