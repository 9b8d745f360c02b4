//! Sums, products and multiples of buffers, sums over their rows, and ReLU.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{add, add_at, add_singles, column_sums, gate, products, relu, scale, scale_each};

use crate::error::{Error, Result};

/// Elements that one task works on.
#[cfg(not(feature = "cuda"))]
pub(super) const CHUNK: usize = 1 << 14;

/// Checks that `a` values are `[outer, factors, inner]`.
fn fits(a: usize, factors: usize, inner: usize) -> Result<()> {
    let each = factors * inner;
    if each > 0 && a.is_multiple_of(each) {
        return Ok(());
    }
    Err(Error::shape("multiples", format!("{a} values are no runs of {inner} for each of {factors} factors")))
}

pub(super) fn same_length(place: &str, a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { Err(Error::shape(place, format!("lengths {a} and {b} differ"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Buffer, Device};

    fn buffer(values: &[f32]) -> Buffer {
        Buffer::from_vec(&Device::open().unwrap(), values.to_vec()).unwrap()
    }

    #[test]
    fn relu_and_its_gate_let_through_what_is_above_zero_and_what_is_no_number() {
        let x = buffer(&[-1.0, 0.0, 2.0, f32::NAN]);
        let made = relu(&x).unwrap().to_vec().unwrap();
        assert_eq!(made[..3], [0.0, 0.0, 2.0]);
        assert!(made[3].is_nan());
        assert_eq!(gate(&buffer(&[5.0; 4]), &x).unwrap().to_vec().unwrap(), [0.0, 0.0, 5.0, 0.0]);
        assert!(gate(&buffer(&[5.0; 3]), &x).is_err());
        assert!(relu(&buffer(&[])).unwrap().is_empty());
    }

    #[test]
    fn factors_multiply_runs_of_values() {
        let (a, factors) = (buffer(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), buffer(&[10.0, -1.0]));
        let each = |inner| scale_each(&a, &factors, inner).unwrap().to_vec().unwrap();
        assert_eq!(each(1), [10.0, -2.0, 30.0, -4.0, 50.0, -6.0, 70.0, -8.0]);
        assert_eq!(each(4), [10.0, 20.0, 30.0, 40.0, -5.0, -6.0, -7.0, -8.0]);
        assert!(scale_each(&a, &factors, 3).is_err() && scale_each(&a, &factors, 0).is_err());
    }

    #[test]
    fn products_are_value_by_value() {
        let (a, b) = (buffer(&[1.0, 2.0]), buffer(&[3.0, -4.0]));
        assert_eq!(products(&a, &b).unwrap().to_vec().unwrap(), [3.0, -8.0]);
        assert!(products(&a, &buffer(&[1.0])).is_err());
    }
}
