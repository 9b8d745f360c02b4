//! On the CPU. The division of work depends only on the shape, so the bits do not depend on the number of threads.

use super::{CHUNK, fits, same_length};
use crate::device::Buffer;
use crate::error::{Error, Result};
use rayon::prelude::*;

/// a ← a + factor · b.
///
/// # Errors
/// If the lengths differ.
pub fn add(a: &mut Buffer, factor: f32, b: &Buffer) -> Result<()> {
    same_length("sum", a.len(), b.len())?;
    a.as_mut_slice().par_chunks_mut(CHUNK).zip(b.as_slice().par_chunks(CHUNK)).for_each(|(a, b)| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += factor * b;
        }
    });
    Ok(())
}

/// a ← factor · a.
///
/// # Errors
/// Never on the CPU.
pub fn scale(a: &mut Buffer, factor: f32) -> Result<()> {
    a.as_mut_slice().par_chunks_mut(CHUNK).for_each(|a| a.iter_mut().for_each(|a| *a *= factor));
    Ok(())
}

/// The sum of every column of a row-major matrix of `columns` columns.
///
/// # Errors
/// If the length is no multiple of `columns`.
pub fn column_sums(a: &Buffer, columns: usize) -> Result<Buffer> {
    if columns == 0 || !a.len().is_multiple_of(columns) {
        return Err(Error::shape("column sums", format!("{} values do not make rows of {columns}", a.len())));
    }
    let mut sums = vec![0.0; columns];
    for row in a.as_slice().chunks_exact(columns) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    Buffer::from_vec(a.device(), sums)
}

/// a ← a + factor · Σ of single values.
///
/// # Errors
/// If `a` or a summand is not one value.
pub fn add_singles(a: &mut Buffer, factor: f32, singles: &[Buffer]) -> Result<()> {
    same_length("sum of single values", a.len(), 1)?;
    let mut sum = 0.0;
    for single in singles {
        same_length("sum of single values", single.len(), 1)?;
        sum += single.as_slice()[0];
    }
    a.as_mut_slice()[0] += factor * sum;
    Ok(())
}

/// Adds `factor · b` to the part of `a` that starts at value `first`.
///
/// # Errors
/// If `b` reaches past the end of `a`.
pub fn add_at(a: &mut Buffer, first: usize, factor: f32, b: &Buffer) -> Result<()> {
    let len = a.len();
    let part = a.as_mut_slice().get_mut(first..first + b.len());
    let part =
        part.ok_or_else(|| Error::shape("sum", format!("{} values from {first} of {len}", b.len())))?;
    part.par_chunks_mut(CHUNK).zip(b.as_slice().par_chunks(CHUNK)).for_each(|(a, b)| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += factor * b;
        }
    });
    Ok(())
}

/// a · b, value by value.
///
/// # Errors
/// If the lengths differ.
pub fn products(a: &Buffer, b: &Buffer) -> Result<Buffer> {
    of_two("products", a, b, |a, b| a * b)
}

/// max(x, 0); NaN stays NaN.
///
/// # Errors
/// If the device has no memory.
pub fn relu(x: &Buffer) -> Result<Buffer> {
    of_two("ReLU", x, x, |x, _| if x < 0.0 { 0.0 } else { x })
}

/// factor · \[x > 0\].
///
/// # Errors
/// If the lengths differ.
pub fn gate(factor: &Buffer, x: &Buffer) -> Result<Buffer> {
    of_two("gate of ReLU", factor, x, |factor, x| if x > 0.0 { factor } else { 0.0 })
}

/// `[outer, factors, inner]`: a with each run of `inner` values multiplied by its own factor.
///
/// # Errors
/// If the length of `a` is no multiple of `factors · inner`.
pub fn scale_each(a: &Buffer, factors: &Buffer, inner: usize) -> Result<Buffer> {
    fits(a.len(), factors.len(), inner)?;
    let mut made = Buffer::unset(a.device(), a.len())?;
    let group = factors.len() * inner;
    let groups = made.as_mut_slice().par_chunks_mut(group).zip(a.as_slice().par_chunks(group));
    groups.with_min_len((CHUNK / group).max(1)).for_each(|(made, a)| {
        if inner == 1 {
            let each = made.iter_mut().zip(a).zip(factors.as_slice());
            each.for_each(|((made, a), factor)| *made = a * factor);
            return;
        }
        let runs = made.chunks_exact_mut(inner).zip(a.chunks_exact(inner));
        for ((made, a), factor) in runs.zip(factors.as_slice()) {
            made.iter_mut().zip(a).for_each(|(made, a)| *made = a * factor);
        }
    });
    Ok(made)
}

fn of_two(place: &str, a: &Buffer, b: &Buffer, of: impl Fn(f32, f32) -> f32 + Sync) -> Result<Buffer> {
    same_length(place, a.len(), b.len())?;
    let mut made = Buffer::unset(a.device(), a.len())?;
    let sides = a.as_slice().par_chunks(CHUNK).zip(b.as_slice().par_chunks(CHUNK));
    made.as_mut_slice().par_chunks_mut(CHUNK).zip(sides).for_each(|(made, (a, b))| {
        for ((made, a), b) in made.iter_mut().zip(a).zip(b) {
            *made = of(*a, *b);
        }
    });
    Ok(made)
}
