//! On an NVIDIA GPU. The order of sums depends only on the shape, without atomics, so that a run's bits repeat.

use super::{fits, same_length};
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch};
use crate::error::{Error, Result};

static KERNELS: Kernels = Kernels {
    name: "plasticity_elementwise",
    source: concat!(include_str!("../thread.cuh"), include_str!("../sum.cuh"), include_str!("kernel.cu")),
    functions: &[
        "add",
        "scale",
        "column_sums",
        "sum",
        "add_singles",
        "products",
        "relu",
        "gate",
        "scale_each",
    ],
};

/// a ← a + factor · b.
///
/// # Errors
/// If the lengths differ.
pub fn add(a: &mut Buffer, factor: f32, b: &Buffer) -> Result<()> {
    same_length("sum", a.len(), b.len())?;
    let (device, len) = (a.device().clone(), a.len());
    let launch = Launch::new(&device, &KERNELS, "add")?;
    let launch = launch.pointer(a.pointer_mut()?).value(factor).pointer(b.pointer()?).value(len as u64);
    // SAFETY: the kernel takes (a, factor, b, count), one element per thread; both hold `len` values.
    unsafe { launch.each(len) }
}

/// a ← factor · a.
///
/// # Errors
/// If the device refuses.
pub fn scale(a: &mut Buffer, factor: f32) -> Result<()> {
    let (device, len) = (a.device().clone(), a.len());
    let launch = Launch::new(&device, &KERNELS, "scale")?;
    let launch = launch.pointer(a.pointer_mut()?).value(factor).value(len as u64);
    // SAFETY: the kernel takes (a, factor, count), one element per thread.
    unsafe { launch.each(len) }
}

/// The sum of every column of a row-major matrix of `columns` columns.
///
/// # Errors
/// If the length is no multiple of `columns`.
pub fn column_sums(a: &Buffer, columns: usize) -> Result<Buffer> {
    if columns == 0 || !a.len().is_multiple_of(columns) {
        return Err(Error::shape("column sums", format!("{} values do not make rows of {columns}", a.len())));
    }
    if columns == 1 {
        return sum(a);
    }
    let rows = a.len() / columns;
    let slabs = rows.div_ceil(ROWS_OF_A_SLAB).max(1);
    let parts = sums_of_slabs(a, rows, columns, slabs)?;
    if slabs == 1 { Ok(parts) } else { column_sums(&parts, columns) }
}

/// Rows that one thread of `column_sums` adds up.
const ROWS_OF_A_SLAB: usize = 64;

/// `[slabs, columns]`: the sums of every run of [`ROWS_OF_A_SLAB`] rows.
fn sums_of_slabs(a: &Buffer, rows: usize, columns: usize, slabs: usize) -> Result<Buffer> {
    let mut parts = Buffer::unset(a.device(), slabs * columns)?;
    let launch = Launch::new(a.device(), &KERNELS, "column_sums")?
        .pointer(a.pointer()?)
        .pointer(parts.pointer_mut()?)
        .value(rows as u64)
        .value(columns as u64)
        .value(slabs as u64)
        .value(ROWS_OF_A_SLAB as u64);
    // SAFETY: (from, to, rows, columns, slabs, rows of a slab), one sum per thread.
    unsafe { launch.each(slabs * columns)? };
    Ok(parts)
}

/// The sum of all values, one value.
fn sum(a: &Buffer) -> Result<Buffer> {
    let blocks = a.len().div_ceil(VALUES_OF_A_BLOCK).max(1);
    let mut parts = Buffer::unset(a.device(), blocks)?;
    let launch = Launch::new(a.device(), &KERNELS, "sum")?
        .pointer(a.pointer()?)
        .pointer(parts.pointer_mut()?)
        .value(a.len() as u64)
        .value(VALUES_OF_A_BLOCK as u64);
    // SAFETY: (from, to, count, depth), one sum per block of 1024 threads.
    unsafe { launch.run([blocks, 1, 1], [1024, 1, 1], 0)? };
    if blocks == 1 { Ok(parts) } else { sum(&parts) }
}

/// Values that one block of `sum` adds up.
const VALUES_OF_A_BLOCK: usize = 1 << 15;

/// a ← a + factor · Σ of single values.
///
/// # Errors
/// If `a` or a summand is not one value.
pub fn add_singles(a: &mut Buffer, factor: f32, singles: &[Buffer]) -> Result<()> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Singles {
        at: [u64; MOST],
        count: i32,
    }
    same_length("sum of single values", a.len(), 1)?;
    let device = a.device().clone();
    for some in singles.chunks(MOST) {
        let mut from = Singles { at: [0; MOST], count: some.len() as i32 };
        for (at, single) in from.at.iter_mut().zip(some) {
            same_length("sum of single values", single.len(), 1)?;
            *at = single.pointer()?;
        }
        let launch = Launch::new(&device, &KERNELS, "add_singles")?;
        let launch = launch.pointer(a.pointer_mut()?).value(factor).value(from);
        // SAFETY: the kernel takes (a, factor, singles), of which `count` point to a value each.
        unsafe { launch.run([1, 1, 1], [1, 1, 1], 0)? };
    }
    Ok(())
}

/// Single values that one launch takes: `MOST` in kernel.cu.
const MOST: usize = 16;

/// Adds `factor · b` to the part of `a` that starts at value `first`.
///
/// # Errors
/// If `b` reaches past the end of `a`.
pub fn add_at(a: &mut Buffer, first: usize, factor: f32, b: &Buffer) -> Result<()> {
    let len = b.len();
    if first + len > a.len() {
        return Err(Error::shape("sum", format!("{len} values from {first} of {}", a.len())));
    }
    let device = a.device().clone();
    let launch = Launch::new(&device, &KERNELS, "add")?
        .pointer(a.pointer_mut()? + 4 * first as u64)
        .value(factor)
        .pointer(b.pointer()?)
        .value(len as u64);
    // SAFETY: (a, factor, b, count), one element per thread; `a` has `len` values from `first` on.
    unsafe { launch.each(len) }
}

/// a · b, value by value.
///
/// # Errors
/// If the lengths differ.
pub fn products(a: &Buffer, b: &Buffer) -> Result<Buffer> {
    of_two("products", a, b)
}

/// max(x, 0); NaN stays NaN.
///
/// # Errors
/// If the device refuses.
pub fn relu(x: &Buffer) -> Result<Buffer> {
    let mut made = Buffer::unset(x.device(), x.len())?;
    let launch = Launch::new(x.device(), &KERNELS, "relu")?;
    let launch = launch.pointer(x.pointer()?).pointer(made.pointer_mut()?).value(x.len() as u64);
    // SAFETY: the kernel takes (x, to, count), one element per thread; both hold `count` values.
    unsafe { launch.each(x.len())? };
    Ok(made)
}

/// factor · \[x > 0\].
///
/// # Errors
/// If the lengths differ.
pub fn gate(factor: &Buffer, x: &Buffer) -> Result<Buffer> {
    of_two("gate", factor, x)
}

/// `[outer, factors, inner]`: a with each run of `inner` values multiplied by its own factor.
///
/// # Errors
/// If the length of `a` is no multiple of `factors · inner`.
pub fn scale_each(a: &Buffer, factors: &Buffer, inner: usize) -> Result<Buffer> {
    fits(a.len(), factors.len(), inner)?;
    let mut made = Buffer::unset(a.device(), a.len())?;
    let launch = Launch::new(a.device(), &KERNELS, "scale_each")?
        .pointer(a.pointer()?)
        .pointer(factors.pointer()?)
        .pointer(made.pointer_mut()?)
        .value(factors.len() as u64)
        .value(inner as u64)
        .value(a.len() as u64);
    // SAFETY: the kernel takes (a, factors, to, number of factors, inner, count), one element per thread.
    unsafe { launch.each(a.len())? };
    Ok(made)
}

/// The result of a kernel with two operands.
fn of_two(kernel: &'static str, a: &Buffer, b: &Buffer) -> Result<Buffer> {
    same_length(kernel, a.len(), b.len())?;
    let mut made = Buffer::unset(a.device(), a.len())?;
    let launch = Launch::new(a.device(), &KERNELS, kernel)?
        .pointer(a.pointer()?)
        .pointer(b.pointer()?)
        .pointer(made.pointer_mut()?)
        .value(a.len() as u64);
    // SAFETY: the kernel takes (a, b, to, count), one element per thread; all hold `count` values.
    unsafe { launch.each(a.len())? };
    Ok(made)
}
