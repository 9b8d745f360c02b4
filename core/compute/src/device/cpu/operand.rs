//! Operands of convolutions and matrix products at the precision of the device.

use super::{Device, Scratch};
use crate::bf16::{Arithmetic, rounded};
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
        if !Self::rounds(device, arithmetic) {
            return Self::Whole(values);
        }
        let mut copy = Scratch::new(values.len());
        let parts = copy.par_chunks_mut(PART).zip(values.par_chunks(PART));
        parts.for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(to, from)| *to = rounded(*from)));
        Self::Rounded(copy)
    }

    /// Whether operands of products with this arithmetic must be rounded first: for the f32 kernels at bf16.
    pub(crate) fn rounds(device: &Device, arithmetic: Arithmetic) -> bool {
        device.precision() == Precision::Bf16 && arithmetic == Arithmetic::Single
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
