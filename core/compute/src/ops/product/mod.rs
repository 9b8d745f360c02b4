//! Matrix products.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
pub mod gemm;
#[cfg(not(feature = "cuda"))]
mod half;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::product;

/// C = A · B (+ C), with row-major operands that may be parts of buffers and may be transposed.
///
/// A is `m` × `k` (stored `k` × `m` if transposed), B is `k` × `n` (stored `n` × `k` if transposed).
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the summed axis.
    pub k: usize,
    /// First value of A.
    pub a: usize,
    /// First value of B.
    pub b: usize,
    /// First value of C.
    pub c: usize,
    /// A is stored transposed.
    pub transpose_a: bool,
    /// B is stored transposed.
    pub transpose_b: bool,
    /// Adds to C instead of overwriting it.
    pub accumulate: bool,
}

impl Product {
    /// C = A · B over whole buffers.
    pub fn new(m: usize, n: usize, k: usize) -> Self {
        Self { m, n, k, a: 0, b: 0, c: 0, transpose_a: false, transpose_b: false, accumulate: false }
    }

    /// The same with A stored transposed.
    #[must_use]
    pub fn transpose_a(self) -> Self {
        Self { transpose_a: true, ..self }
    }

    /// The same with B stored transposed.
    #[must_use]
    pub fn transpose_b(self) -> Self {
        Self { transpose_b: true, ..self }
    }

    /// The same, adding to C.
    #[must_use]
    pub fn accumulate(self) -> Self {
        Self { accumulate: true, ..self }
    }

    /// The same, with operands that start at these values of their buffers.
    #[must_use]
    pub fn at(self, a: usize, b: usize, c: usize) -> Self {
        Self { a, b, c, ..self }
    }
}
