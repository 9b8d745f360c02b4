//! Products of bfloat16 operands with sums in `f32`, by the processor's own instructions if it has them.
//!
//! A product is `C = A · B` (or `C += A · B`) on packed operands. Both lie in pairs along the depth `k`, so that one
//! 32-bit word holds `k` and `k + 1`: `A` is `[row, depth]` (`Left`), `B` is a panel `[depth / 2, width, 2]`. Depths
//! are filled up with zeros to a multiple of the kernel's `Kernel::step`. Packing an operand (`Kernel`) also rounds it
//! to the nearest bfloat16, ties to even.
//!
//! Three kernels have the same functions: AMX tiles, AVX-512 BF16, and the same sums in plain Rust, with which the
//! others are compared. [`Family`] says which of them this process uses, if any.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod family;
#[cfg(target_arch = "x86_64")]
mod guard;
mod halves;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod pack512;
mod plain;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod tiles;

pub(crate) use family::Family;
pub(crate) use halves::{halves, halves_mut};
pub(crate) use kernel::{Kernel, Left, Rows, Segment, Sums};
pub(crate) use plain::rounded;

use crate::device::{Device, Precision};

/// How the products of a call are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// From `f32` operands, by the kernels for `f32`.
    Single,
    /// From bfloat16 operands, by this kernel.
    Half(Kernel),
}

impl Arithmetic {
    /// The arithmetic of a call on `device`.
    pub(crate) fn of(device: &Device) -> Self {
        match device.precision() {
            Precision::Bf16 => Family::here().kernel().map_or(Self::Single, Self::Half),
            _ => Self::Single,
        }
    }
}
