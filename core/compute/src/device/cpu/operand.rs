//! Operands of convolutions and matrix products at the precision of the device.

use super::{Device, Scratch};
use crate::bf16::{Arithmetic, round};
use crate::device::Precision;
use rayon::prelude::*;
use std::ops::Deref;

/// Values that one task rounds.
const PART: usize = 1 << 14;

/// An operand: the values themselves or, for the f32 kernels at bf16, a rounded copy. The bf16
/// kernels round in packing.
pub(crate) enum Operand<'a> {
    /// The values, unchanged.
    Whole(&'a [f32]),
    /// The values rounded to bf16.
    Rounded(Scratch),
}

impl<'a> Operand<'a> {
    /// `values` at the precision of `device`, for products with this arithmetic.
    pub(crate) fn new(device: &Device, arithmetic: Arithmetic, values: &'a [f32]) -> Self {
        if device.precision() != Precision::Bf16 || arithmetic != Arithmetic::Single {
            return Self::Whole(values);
        }
        let mut rounded = Scratch::new(values.len());
        let parts = rounded.par_chunks_mut(PART).zip(values.par_chunks(PART));
        parts.for_each(|(to, from)| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = f32::from_bits(u32::from(round(*from)) << 16))
        });
        Self::Rounded(rounded)
    }
}

impl Deref for Operand<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Whole(values) => values,
            Self::Rounded(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Kernel;
    use crate::device::Buffer;

    #[test]
    fn operands_are_rounded_for_the_kernels_of_f32_at_bf16_alone() {
        let device = Device::open().unwrap();
        let buffer = Buffer::from_vec(&device, vec![1.001; 3 * PART + 1]).unwrap();
        let operand = |arithmetic| Operand::new(buffer.device(), arithmetic, buffer.as_slice()).to_vec();
        let kernel = Arithmetic::Half(Kernel::plain());
        assert_eq!(operand(Arithmetic::Single), buffer.as_slice());
        device.set_precision(Precision::Bf16).unwrap();
        assert_eq!(operand(Arithmetic::Single), vec![1.0; 3 * PART + 1]);
        assert_eq!(operand(kernel), buffer.as_slice());
    }
}
