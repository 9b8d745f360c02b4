//! On an NVIDIA GPU.

use crate::device::cuda::{Kernels, Launch, size};
use crate::device::{Buffer, Indices};
use crate::error::{Error, Result};

static KERNELS: Kernels = Kernels {
    name: "plasticity_rows",
    source: concat!(include_str!("../thread.cuh"), include_str!("kernel.cu")),
    functions: &["take_rows", "put_rows", "swap_axes"],
};

/// `[index, width]`: copies of some rows of a matrix that starts at value `first`.
///
/// # Errors
/// If an index reaches past the end.
pub fn take_rows(from: &Buffer, first: usize, width: usize, index: &Indices) -> Result<Buffer> {
    let rows = from.len().saturating_sub(first) / width.max(1);
    below(index, width, rows)?;
    let mut taken = Buffer::unset(from.device(), index.len() * width)?;
    let launch = Launch::new(from.device(), &KERNELS, "take_rows")?
        .pointer(from.pointer()? + 4 * first as u64)
        .pointer(index.pointer())
        .pointer(taken.pointer_mut()?)
        .value(size(width)?)
        .value((index.len() * width) as u64);
    // SAFETY: (from, index, to, width, count), one value per thread; every index is below the rows there are.
    unsafe { launch.each(index.len() * width)? };
    Ok(taken)
}

/// `[rows, width]`: the rows of `from` put at `index`, zero elsewhere.
///
/// # Errors
/// If an index reaches past the end.
pub fn put_rows(from: &Buffer, width: usize, index: &Indices, rows: usize) -> Result<Buffer> {
    below(index, width, rows)?;
    let count = index.len().min(from.len() / width.max(1)) * width;
    let mut put = Buffer::zeros(from.device(), rows * width)?;
    let launch = Launch::new(from.device(), &KERNELS, "put_rows")?
        .pointer(from.pointer()?)
        .pointer(index.pointer())
        .pointer(put.pointer_mut()?)
        .value(size(width)?)
        .value(count as u64);
    // SAFETY: (from, index, to, width, count), one value per thread; every index is below `rows`.
    unsafe { launch.each(count)? };
    Ok(put)
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
    let mut swapped = Buffer::unset(a.device(), a.len())?;
    let launch = Launch::new(a.device(), &KERNELS, "swap_axes")?
        .pointer(a.pointer()?)
        .pointer(swapped.pointer_mut()?)
        .value(size(first)?)
        .value(size(second)?)
        .value(size(width)?)
        .value(a.len() as u64);
    // SAFETY: (from, to, first, second, width, count), one value per thread; both hold `count` values.
    unsafe { launch.each(a.len())? };
    Ok(swapped)
}

fn below(index: &Indices, width: usize, rows: usize) -> Result<()> {
    match index.largest() {
        Some(row) if row as usize >= rows => {
            let message = format!("row {row} of width {width} reaches past {} values", rows * width);
            Err(Error::shape("pairs", message))
        }
        _ => Ok(()),
    }
}
