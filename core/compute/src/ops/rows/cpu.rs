//! On the CPU.

use crate::device::{Buffer, Indices};
use crate::error::{Error, Result};

/// `[index, width]`: copies of some rows of a matrix that starts at value `first`.
///
/// # Errors
/// If an index reaches past the end.
pub fn take_rows(from: &Buffer, first: usize, width: usize, index: &Indices) -> Result<Buffer> {
    let values = from.as_slice().get(first..).unwrap_or_default();
    let mut taken = Vec::with_capacity(index.as_slice().len() * width);
    for &row in index.as_slice() {
        let row = row as usize;
        let part = values.get(row * width..(row + 1) * width);
        taken.extend_from_slice(part.ok_or_else(|| past_the_end(row, width, values.len()))?);
    }
    Buffer::from_vec(from.device(), taken)
}

/// `[rows, width]`: the rows of `from` put at `index`, zero elsewhere.
///
/// # Errors
/// If an index reaches past the end.
pub fn put_rows(from: &Buffer, width: usize, index: &Indices, rows: usize) -> Result<Buffer> {
    let mut put = vec![0.0; rows * width];
    for (row, values) in index.as_slice().iter().zip(from.as_slice().chunks_exact(width.max(1))) {
        let row = *row as usize;
        let part = put.get_mut(row * width..(row + 1) * width);
        part.ok_or_else(|| past_the_end(row, width, rows * width))?.copy_from_slice(values);
    }
    Buffer::from_vec(from.device(), put)
}

/// `[outer, second, first, width]` from `[outer, first, second, width]`.
///
/// # Errors
/// If the length does not fit.
pub fn swap_axes(a: &Buffer, outer: usize, first: usize, second: usize, width: usize) -> Result<Buffer> {
    if a.len() != outer * first * second * width {
        let message = format!("{} values are not {outer} × {first} × {second} × {width}", a.len());
        return Err(Error::shape("swap of axes", message));
    }
    let mut swapped = Vec::with_capacity(a.len());
    for block in a.as_slice().chunks_exact((first * second * width).max(1)) {
        for j in 0..second {
            for i in 0..first {
                let at = (i * second + j) * width;
                swapped.extend_from_slice(&block[at..at + width]);
            }
        }
    }
    Buffer::from_vec(a.device(), swapped)
}

fn past_the_end(row: usize, width: usize, len: usize) -> Error {
    Error::shape("pairs", format!("row {row} of width {width} reaches past {len} values"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn swapping_axes_twice_gives_the_same() {
        let device = Device::open().unwrap();
        let a = Buffer::from_vec(&device, (0..24).map(|v| v as f32).collect()).unwrap();
        let b = swap_axes(&a, 2, 3, 2, 2).unwrap();
        assert_eq!(b.to_vec().unwrap()[..6], [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]);
        assert_eq!(swap_axes(&b, 2, 2, 3, 2).unwrap().to_vec().unwrap(), a.to_vec().unwrap());
    }
}
