//! The arithmetic of sampled pairs on the CPU: dots with raw rows and sums of raw rows, with no copies of vectors.
//!
//! One task computes each row of a result in a fixed order, so the bits do not depend on the number of threads.

use super::{Gathered, PairDendrites};
use crate::device::{Buffer, Indices};
use crate::error::{Error, Result};
use crate::pairs::{Pairs, Sampled, Scores};
use crate::rows::Rows;
use rayon::prelude::*;

/// Rows that one task works on.
const ROWS: usize = 16;
/// Partial sums of a dot product.
const LANES: usize = 64;

/// Scores of sampled pairs: U\[r, 0\] = P_r · Z_r, and U\[r, 1 + n\] = P_r · Z of the row's saccade n, where P
/// `[rows, width]` is the dendritic prediction of each context row.
///
/// # Errors
/// If the buffers do not fit the pairs.
pub fn pair_scores(prediction: &Buffer, target: Rows, pairs: &Pairs) -> Result<Scores> {
    let sampled = pairs.sampled_saccades()?;
    let (prediction, target) = (prediction.as_slice(), checked(prediction, target, pairs)?);
    let (width, columns) = (target.width, pairs.columns());
    let mut values = vec![0.0; pairs.rows * columns];
    values.par_chunks_mut(ROWS * columns).enumerate().for_each(|(chunk, values)| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (i, values) in values.chunks_exact_mut(columns).enumerate() {
                    let row = chunk * ROWS + i;
                    let own = &prediction[row * width..(row + 1) * width];
                    values[0] = dot(own, target.row(row));
                    for (value, other) in values[1..].iter_mut().zip(sampled.of(row)) {
                        *value = dot(own, target.row(other));
                    }
                }
            },
        );
    });
    Ok(Scores { values: Buffer::from_vec(target.device, values)?, rows: pairs.rows, columns })
}

/// The dendritic sums for the modulation γ of sampled pairs: Σ γ · P for target rows, Σ γ · Z for context rows,
/// each if requested. Context rows whose γ are all zero are left out.
///
/// # Errors
/// If the buffers do not fit the pairs.
pub fn pair_dendrites(
    gamma: &Scores,
    prediction: &Buffer,
    target: Rows,
    pairs: &Pairs,
    want: (bool, bool),
) -> Result<PairDendrites> {
    let sampled = pairs.sampled_saccades()?;
    let device = target.data.device();
    let rows = checked(prediction, target, pairs)?;
    let columns = pairs.columns();
    if gamma.values.len() != pairs.rows * columns {
        let message = format!("expected {} × {columns} modulations, got {}", pairs.rows, gamma.values.len());
        return Err(Error::shape("pairs", message));
    }
    let by_context = Sparse::by_context(gamma.values.as_slice(), sampled);
    let target = if want.0 {
        let by_target = by_context.transposed(pairs.rows);
        Some(Buffer::from_vec(device, by_target.times(rows.width, prediction.as_slice()))?)
    } else {
        None
    };
    let gathered = if want.1 {
        let (active, sums) = by_context.active();
        let values = Buffer::from_vec(device, sums.times(rows.width, rows.values))?;
        let active = (active.len() < pairs.rows).then(|| Indices::from_vec(device, active)).transpose()?;
        Some(Gathered { values, active })
    } else {
        None
    };
    Ok(PairDendrites { target, gathered })
}

/// Target rows that contain all rows of the pairs (checked).
#[derive(Clone, Copy)]
struct Checked<'a> {
    values: &'a [f32],
    width: usize,
    device: &'a crate::device::Device,
}

impl Checked<'_> {
    #[inline(always)]
    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

fn checked<'a>(prediction: &Buffer, target: Rows<'a>, pairs: &Pairs) -> Result<Checked<'a>> {
    let width = target.channels;
    let start = target.first * width;
    let values = target.data.as_slice().get(start..start + target.rows * width);
    match values {
        Some(values) if target.rows == pairs.rows && prediction.len() == pairs.rows * width => {
            Ok(Checked { values, width, device: target.data.device() })
        }
        _ => {
            let message = format!(
                "{} rows of {width} from row {} of {} values, with {} predicted values, do not make {} pairs",
                target.rows,
                target.first,
                target.data.len(),
                prediction.len(),
                pairs.rows
            );
            Err(Error::shape("pairs", message))
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0] + rest
}

/// A sparse matrix by rows: for each row, the rows of another matrix that are summed, and their factors.
struct Sparse {
    starts: Vec<u32>,
    terms: Vec<(u32, f32)>,
}

impl Sparse {
    /// Context row r: its own target with γ⁺, its saccades with γ⁻.
    fn by_context(gamma: &[f32], sampled: &Sampled) -> Self {
        let mut starts = vec![0];
        let mut terms = Vec::with_capacity(gamma.len());
        for (row, gamma) in gamma.chunks_exact(1 + sampled.count()).enumerate() {
            let rows = std::iter::once(row).chain(sampled.of(row)).map(|row| row as u32);
            terms.extend(rows.zip(gamma.iter().copied()).filter(|term| term.1 != 0.0));
            starts.push(terms.len() as u32);
        }
        Self { starts, terms }
    }

    fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.terms[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// The transpose, a matrix of `rows` rows; the terms of each row are in ascending order.
    fn transposed(&self, rows: usize) -> Self {
        let mut starts = vec![0_u32; rows + 1];
        for &(column, _) in &self.terms {
            starts[column as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut terms = vec![(0, 0.0); self.terms.len()];
        for row in 0..self.starts.len() - 1 {
            for &(column, factor) in self.row(row) {
                let place = &mut next[column as usize];
                terms[*place as usize] = (row as u32, factor);
                *place += 1;
            }
        }
        Self { starts, terms }
    }

    /// The rows that have terms, and the matrix of only these rows.
    fn active(self) -> (Vec<u32>, Self) {
        let rows = self.starts.len() - 1;
        let active: Vec<u32> = (0..rows as u32).filter(|&row| !self.row(row as usize).is_empty()).collect();
        let starts =
            std::iter::once(0).chain(active.iter().map(|&row| self.starts[row as usize + 1])).collect();
        (active, Self { starts, terms: self.terms })
    }

    /// The product with a dense matrix `x` of `width` columns.
    fn times(&self, width: usize, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; (self.starts.len() - 1) * width];
        if width == 0 {
            return out;
        }
        out.par_chunks_mut(ROWS * width).enumerate().for_each(|(chunk, out)| {
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(width).enumerate() {
                        let row = |term: &(u32, f32)| &x[term.0 as usize * width..][..width];
                        let terms = self.row(chunk * ROWS + i).chunks_exact(4);
                        for term in terms.remainder() {
                            for (out, x) in out.iter_mut().zip(row(term)) {
                                *out += term.1 * x;
                            }
                        }
                        // Four at a time, so that the sum is read and written less often.
                        for terms in terms {
                            let [a, b, c, d] = [0, 1, 2, 3].map(|term| row(&terms[term]));
                            let [fa, fb, fc, fd] = [0, 1, 2, 3].map(|term| terms[term].1);
                            let rows = a.iter().zip(b).zip(c.iter().zip(d));
                            for (out, ((a, b), (c, d))) in out.iter_mut().zip(rows) {
                                *out += (fa * a + fb * b) + (fc * c + fd * d);
                            }
                        }
                    }
                },
            );
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::ops::rows::{put_rows, take_rows};

    /// Three rows of width 65 (one past the lanes), two saccades each, and a row whose γ are all zero.
    #[test]
    fn scores_and_dendrites_are_the_plain_sums() {
        let device = Device::open().unwrap();
        let (rows, width, count) = (3, 65, 2);
        let value = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 50.0;
        let p: Vec<f32> = (0..rows * width).map(value).collect();
        let z: Vec<f32> = (0..(rows + 1) * width).map(|i| value(i + 7)).collect();
        let index = vec![2, 1, 0, 0, 1, 1];
        let pairs = Pairs::sampled(&device, rows, count, index.clone()).unwrap();
        let target = Buffer::from_vec(&device, z.clone()).unwrap();
        let target = Rows { data: &target, first: 1, rows, channels: width };
        let prediction = Buffer::from_vec(&device, p.clone()).unwrap();
        let u = pair_scores(&prediction, target, &pairs).unwrap().values.to_vec().unwrap();
        let z = &z[width..];
        let gamma = [0.5, 0.0, -1.0, 0.0, 0.0, 0.0, 2.0, 0.25, 0.0];
        let (mut dz, mut g) = (vec![0.0; rows * width], vec![0.0; rows * width]);
        for row in 0..rows {
            for n in 0..=count {
                let other = if n == 0 { row } else { index[row * count + n - 1] as usize };
                let plain: f32 = (0..width).map(|i| p[row * width + i] * z[other * width + i]).sum();
                approx::assert_relative_eq!(u[row * 3 + n], plain, epsilon = 1e-5);
                for i in 0..width {
                    dz[other * width + i] += gamma[row * 3 + n] * p[row * width + i];
                    g[row * width + i] += gamma[row * 3 + n] * z[other * width + i];
                }
            }
        }
        let gamma = Scores { values: Buffer::from_vec(&device, gamma.to_vec()).unwrap(), rows, columns: 3 };
        let made = pair_dendrites(&gamma, &prediction, target, &pairs, (true, true)).unwrap();
        assert_eq!(made.target.unwrap().to_vec().unwrap(), dz);
        let gathered = made.gathered.unwrap();
        let active = gathered.active.unwrap();
        assert_eq!(active.as_slice(), [0, 2]);
        let all = put_rows(&gathered.values, width, &active, rows).unwrap();
        assert_eq!(all.to_vec().unwrap(), g);
        assert_eq!(
            take_rows(&all, 0, width, &active).unwrap().to_vec().unwrap(),
            gathered.values.to_vec().unwrap()
        );
    }
}
