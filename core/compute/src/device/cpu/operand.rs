//! Operands of convolutions and matrix products as the precision of the device has them.

use super::{Device, Scratch};
use crate::device::Precision;
use rayon::prelude::*;
use std::ops::Deref;

/// Values that one task rounds.
const PART: usize = 1 << 14;

/// An operand: the values themselves at f32, and at bf16 a copy of which each is rounded.
pub(crate) enum Operand<'a> {
    /// The values as they are.
    Whole(&'a [f32]),
    /// The values rounded to bf16.
    Rounded(Scratch),
}

impl<'a> Operand<'a> {
    /// `values` at the precision of `device`.
    pub(crate) fn new(device: &Device, values: &'a [f32]) -> Self {
        if device.precision() != Precision::Bf16 {
            return Self::Whole(values);
        }
        let mut rounded = Scratch::new(values.len());
        let parts = rounded.par_chunks_mut(PART).zip(values.par_chunks(PART));
        parts.for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(to, from)| *to = bf16(*from)));
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

/// The bfloat16 nearest to `value`, of two the even one; beyond the largest, infinity. NaN stays NaN.
fn bf16(value: f32) -> f32 {
    const LOW: u32 = 0xffff;
    const QUIET: u32 = 0x40_0000;
    let bits = value.to_bits();
    let bits = if value.is_nan() { bits | QUIET } else { bits + (LOW / 2) + (bits >> 16 & 1) };
    f32::from_bits(bits & !LOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Buffer;

    #[test]
    fn values_are_rounded_to_the_nearest_and_to_even() {
        let step = 2.0_f32.powi(-7);
        for (value, rounded) in [
            (0.0, 0.0),
            (1.0 + 0.49 * step, 1.0),
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 0.51 * step, 1.0 + step),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (-1.0 - 0.51 * step, -1.0 - step),
            (f32::MAX, f32::INFINITY),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (f32::from_bits(1), 0.0),
        ] {
            assert_eq!(bf16(value).to_bits(), f32::to_bits(rounded), "{value}");
        }
        assert!(bf16(f32::from_bits(0x7f80_0001)).is_nan() && bf16(-f32::NAN).is_nan());
    }

    #[test]
    fn operands_are_rounded_at_bf16_alone() {
        let device = Device::open().unwrap();
        let buffer = Buffer::from_vec(&device, vec![1.001; 3 * PART + 1]).unwrap();
        assert_eq!(*Operand::new(&device, buffer.as_slice()), *buffer.as_slice());
        device.set_precision(Precision::Bf16).unwrap();
        assert_eq!(*Operand::new(buffer.device(), buffer.as_slice()), vec![1.0; 3 * PART + 1]);
    }
}
