//! The pairs of contexts and targets, and their scores. A *fixation* is a positive pair, a *saccade* a negative one.

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
    /// Time-local learning: which rows are positives, and which negatives. See [`Pairs::time_local`].
    pub signs: Option<Signs>,
}

/// The negatives of a prediction step.
#[derive(Clone, Debug)]
pub enum Saccades {
    /// Some target rows for each context row.
    Sampled(Sampled),
    /// All other rows.
    All,
}

/// Target rows for each context row. Only [`Pairs::sampled`] makes it, after checks.
#[derive(Clone, Debug)]
pub struct Sampled {
    count: usize,
    /// The number of rows after which the index repeats: the rows of a batch if inputs are compared with inputs, else
    /// all rows.
    period: usize,
    /// `[period, count]`.
    index: Vec<u32>,
    on_device: Indices,
}

impl Sampled {
    /// Saccades per row.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows of [`index`](Self::index). The next period has the same saccades, shifted by one period.
    pub fn period(&self) -> usize {
        self.period
    }

    /// `[period, count]`: the target row of each saccade, from the first row of its period on.
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// The same on the device.
    pub fn on_device(&self) -> &Indices {
        &self.on_device
    }

    /// The target rows of one context row.
    pub fn of(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let place = row % self.period;
        let targets = &self.index[place * self.count..(place + 1) * self.count];
        targets.iter().map(move |&target| row - place + target as usize)
    }
}

/// In time-local learning: which rows are fixations and which are saccades. Only [`Pairs::time_local`] makes it,
/// after checks.
#[derive(Clone, Debug)]
pub struct Signs {
    fixations: Vec<bool>,
    on_device: Indices,
}

impl Signs {
    /// Whether each row of a period is a fixation; the next periods are the same.
    pub fn fixations(&self) -> &[bool] {
        &self.fixations
    }

    /// The same on the device: 1 for a fixation, 0 for a saccade.
    pub fn on_device(&self) -> &Indices {
        &self.on_device
    }
}

impl Pairs {
    /// Pairs with sampled negatives. `index` is `[period, count]`, flat: context row r has the target rows r − r mod
    /// period + `index`\[r mod period, n\]. The period is all rows, or the rows of one batch if inputs are compared
    /// only within their batch.
    ///
    /// # Errors
    /// If the rows are not a whole number of periods, a value is not a row of a period, or the device has no memory.
    pub fn sampled(device: &Device, rows: usize, count: usize, index: Vec<u32>) -> Result<Self> {
        let (period, len) = match rows * count {
            0 => (1, 0),
            _ => (index.len() / count, index.len() / count * count),
        };
        let fits = index.len() == len
            && rows.is_multiple_of(period)
            && index.iter().all(|&target| (target as usize) < period);
        if !fits {
            let message = format!(
                "expected {count} target rows for each of {rows} rows, or for each of a period of them, got {} indices up \
                 to {}",
                index.len(),
                index.iter().max().unwrap_or(&0)
            );
            return Err(Error::shape("pairs", message));
        }
        let on_device = Indices::from_vec(device, index.clone())?;
        Ok(Self {
            rows,
            saccades: Saccades::Sampled(Sampled { count, period, index, on_device }),
            signs: None,
        })
    }

    /// Every row against all.
    pub fn all(rows: usize) -> Self {
        Self { rows, saccades: Saccades::All, signs: None }
    }

    /// The same in time-local learning: a row is only a positive (+1) or only negatives (−1). `signs` has one sign
    /// for each row, or for each row of a period, as `index` of [`sampled`](Self::sampled).
    ///
    /// # Errors
    /// If the rows are not a whole number of periods, a sign is neither +1 nor −1, or the device has no memory.
    pub fn time_local(mut self, device: &Device, signs: &[i8]) -> Result<Self> {
        if signs.iter().any(|sign| sign.abs() != 1) || !self.rows.is_multiple_of(signs.len()) {
            let message = format!("expected a sign of ±1 for each of {} rows, got {signs:?}", self.rows);
            return Err(Error::shape("pairs", message));
        }
        let fixations: Vec<bool> = signs.iter().map(|&sign| sign > 0).collect();
        let on_device =
            Indices::from_vec(device, fixations.iter().map(|&fixation| u32::from(fixation)).collect())?;
        self.signs = Some(Signs { fixations, on_device });
        Ok(self)
    }

    /// The same for another number of rows; buffers on the device are shared.
    ///
    /// # Errors
    /// If the rows are not a whole number of periods.
    pub fn of_rows(&self, rows: usize) -> Result<Self> {
        let fits = |period: usize| rows.is_multiple_of(period);
        let saccades = match &self.saccades {
            Saccades::Sampled(sampled) => fits(sampled.period),
            Saccades::All => true,
        };
        if !saccades || self.signs.as_ref().is_some_and(|signs| !fits(signs.fixations.len())) {
            let message = format!("{rows} rows are not a whole number of periods of negatives and signs");
            return Err(Error::shape("pairs", message));
        }
        Ok(Self { rows, ..self.clone() })
    }

    /// The saccades, if they are sampled and fit the rows.
    pub(crate) fn sampled_saccades(&self) -> Result<&Sampled> {
        match &self.saccades {
            Saccades::Sampled(sampled) if self.rows.is_multiple_of(sampled.period) => Ok(sampled),
            Saccades::Sampled(sampled) => {
                let message =
                    format!("{} rows are not a whole number of periods of {}", self.rows, sampled.period);
                Err(Error::shape("pairs", message))
            }
            Saccades::All => Err(Error::shape("pairs", "expected sampled negatives, got all pairs")),
        }
    }

    /// Columns of the matrix of scores.
    pub fn columns(&self) -> usize {
        match &self.saccades {
            Saccades::Sampled(sampled) => 1 + sampled.count,
            Saccades::All => self.rows,
        }
    }

    /// The numbers of positive and negative pairs. With signs, a row has only one kind.
    pub fn counts(&self) -> (usize, usize) {
        let (fixations, saccades) = match &self.signs {
            Some(Signs { fixations, .. }) => {
                let of_period = fixations.iter().filter(|&&fixation| fixation).count();
                let fixations = of_period * (self.rows / fixations.len().max(1));
                (fixations, self.rows - fixations)
            }
            None => (self.rows, self.rows),
        };
        (fixations, saccades * (self.columns() - 1))
    }

    /// The column in which `row` has its fixation.
    pub fn fixation(&self, row: usize) -> usize {
        match self.saccades {
            Saccades::Sampled(_) => 0,
            Saccades::All => row,
        }
    }

    /// Whether a pair is compared in this step: in time-local learning a row has either its positive or its
    /// negatives.
    pub fn meets(&self, row: usize, column: usize) -> bool {
        let fixation = column == self.fixation(row);
        self.signs.as_ref().is_none_or(|signs| signs.fixations[row % signs.fixations.len()] == fixation)
    }
}

/// One value for each pair, `[rows, columns]`: scores u, or modulations γ. With sampled negatives column 0 has the
/// positives; with all pairs the diagonal has them.
#[derive(Clone, Debug)]
pub struct Scores {
    /// The values.
    pub values: Buffer,
    /// Context rows.
    pub rows: usize,
    /// Pairs per row.
    pub columns: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saccades_are_as_many_as_said_and_inside() {
        let device = Device::open().unwrap();
        assert_eq!(Pairs::sampled(&device, 2, 1, vec![1, 0]).unwrap().columns(), 2);
        for (rows, count, wrong) in [
            (2, 1, vec![1, 2]),
            (2, 1, vec![]),
            (3, 1, vec![1, 0]),
            (2, 2, vec![1]),
            (2, 0, vec![1]),
            (0, 1, vec![0]),
        ] {
            assert!(
                Pairs::sampled(&device, rows, count, wrong.clone()).is_err(),
                "{rows}, {count}, {wrong:?}"
            );
        }
        for (rows, count) in [(0, 1), (2, 0), (0, 0)] {
            Pairs::sampled(&device, rows, count, Vec::new()).unwrap();
        }
    }

    #[test]
    fn what_holds_for_a_batch_holds_for_the_next() {
        let device = Device::open().unwrap();
        let pairs = Pairs::sampled(&device, 6, 2, vec![1, 2, 2, 0, 0, 1]).unwrap();
        let pairs = pairs.time_local(&device, &[1, -1, -1]).unwrap();
        let Saccades::Sampled(sampled) = &pairs.saccades else { panic!("sampled") };
        let of: Vec<Vec<usize>> = (0..6).map(|row| sampled.of(row).collect()).collect();
        assert_eq!(of, [[1, 2], [2, 0], [0, 1], [4, 5], [5, 3], [3, 4]]);
        assert_eq!(pairs.counts(), (2, 8));
        assert!(pairs.meets(3, 0) && !pairs.meets(3, 1) && !pairs.meets(4, 0) && pairs.meets(4, 2));
        assert_eq!(pairs.of_rows(9).unwrap().counts(), (3, 12));
        assert!(pairs.of_rows(7).is_err());
        for wrong in [vec![1, -1], vec![1, 0, 1], vec![]] {
            let pairs = Pairs::sampled(&device, 3, 1, vec![1, 2, 0]).unwrap();
            assert!(pairs.time_local(&device, &wrong).is_err(), "{wrong:?}");
        }
    }
}
