//! Which contexts meet which targets, and the scores of those pairs.

use crate::device::{Buffer, Device, Indices};
use crate::error::{Error, Result};

/// The pairs of one prediction step. Context row r and target row r are the *fixation* of row r; the
/// *saccades* of row r are other target rows.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Context rows, and target rows.
    pub rows: usize,
    /// Where the saccades are.
    pub saccades: Saccades,
    /// Time-local learning: +1, the row is a fixation only; −1, a saccade only. One sign a row.
    pub signs: Option<Vec<i8>>,
}

/// The saccades of a prediction step.
#[derive(Clone, Debug)]
pub enum Saccades {
    /// `count` target rows for each context row: made, and checked, by [`Pairs::sampled`] alone.
    #[non_exhaustive]
    Sampled {
        /// Saccades a row.
        count: usize,
        /// `[rows, count]`: the target row of each, on the host.
        index: Vec<u32>,
        /// The same on the device.
        on_device: Indices,
    },
    /// All other rows.
    All,
}

impl Pairs {
    /// Pairs with sampled saccades; `index` is `[rows, count]`, flat.
    ///
    /// # Errors
    /// Where `index` has not `rows · count` values, or one of them is no row; where the device has no room.
    pub fn sampled(device: &Device, rows: usize, count: usize, index: Vec<u32>) -> Result<Self> {
        if index.len() != rows * count || index.iter().any(|&target| target as usize >= rows) {
            let message =
                format!("expected {count} of {rows} rows for each of them, got {} indices", index.len());
            return Err(Error::shape("pairs", message));
        }
        let on_device = Indices::from_vec(device, index.clone())?;
        Ok(Self { rows, saccades: Saccades::Sampled { count, index, on_device }, signs: None })
    }

    /// Every row against all.
    pub fn all(rows: usize) -> Self {
        Self { rows, saccades: Saccades::All, signs: None }
    }

    /// Columns of the matrix of scores.
    pub fn columns(&self) -> usize {
        match &self.saccades {
            Saccades::Sampled { count, .. } => 1 + count,
            Saccades::All => self.rows,
        }
    }

    /// How many pairs there are of each kind: fixations, saccades. With signs, a row has one kind only.
    pub fn counts(&self) -> (usize, usize) {
        let (fixations, saccades) = match &self.signs {
            Some(signs) => {
                let fixations = signs.iter().filter(|&&sign| sign > 0).count();
                (fixations, signs.len() - fixations)
            }
            None => (self.rows, self.rows),
        };
        (fixations, saccades * (self.columns() - 1))
    }

    /// The column in which `row` has its fixation.
    pub fn fixation(&self, row: usize) -> usize {
        match self.saccades {
            Saccades::Sampled { .. } => 0,
            Saccades::All => row,
        }
    }
}

/// One value a pair, `[rows, columns]`: scores u, or modulations γ. With sampled saccades column 0 is the
/// fixation; with all pairs the diagonal is.
#[derive(Clone, Debug)]
pub struct Scores {
    /// The values.
    pub values: Buffer,
    /// Context rows.
    pub rows: usize,
    /// Pairs a row.
    pub columns: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saccades_are_as_many_as_said_and_inside() {
        let device = Device::open().unwrap();
        assert_eq!(Pairs::sampled(&device, 2, 1, vec![1, 0]).unwrap().columns(), 2);
        for wrong in [vec![1, 2], vec![1]] {
            assert!(Pairs::sampled(&device, 2, 1, wrong).is_err());
        }
    }
}
