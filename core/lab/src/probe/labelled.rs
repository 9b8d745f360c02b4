//! Rows of features with their classes.

use plasticity_core::{Error, Result};

/// Rows of features with their classes.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// `[row, channel]`, flat.
    pub values: &'a [f32],
    /// Features of a row.
    pub channels: usize,
    /// The class of every row.
    pub labels: &'a [u32],
}

/// Features that train a probe and test it.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// How many classes there are.
    pub classes: usize,
    /// One pass over the training stimuli, or several, which take turns.
    pub train: &'a [Labelled<'a>],
    /// The rows of every version that are held out for validation, in ascending order. If empty, all rows train the
    /// probe.
    pub held_out: &'a [usize],
    /// The test rows.
    pub test: Labelled<'a>,
}

impl<'a> Labelled<'a> {
    fn check(&self, classes: usize) -> Result<()> {
        if self.labels.is_empty() {
            return Err(Error::stimulus("probe", "there are no labelled stimuli"));
        }
        if self.values.len() != self.labels.len() * self.channels {
            let message = format!(
                "{} values do not make {} rows of {}",
                self.values.len(),
                self.labels.len(),
                self.channels
            );
            return Err(Error::stimulus("probe", message));
        }
        if self.values.iter().any(|value| !value.is_finite()) {
            return Err(Error::stimulus("probe", "a feature is not finite: the network has diverged"));
        }
        match self.labels.iter().find(|&&label| label as usize >= classes) {
            Some(label) => {
                let message =
                    format!("there are {classes} classes, counted from 0, but one label is {label}");
                Err(Error::stimulus("probe", message))
            }
            None => Ok(()),
        }
    }

    pub(super) fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.channels..(index + 1) * self.channels]
    }

    /// Some of the rows, in this order, with their classes.
    pub(super) fn take(&self, rows: &[usize]) -> (Vec<f32>, Vec<u32>) {
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        (values, rows.iter().filter_map(|&row| self.labels.get(row)).copied().collect())
    }
}

impl Task<'_> {
    /// Checks that rows, classes and sizes fit.
    ///
    /// # Errors
    /// If there are no rows, a value is not finite, a label is not a class, or passes have different numbers of rows.
    pub(super) fn check(&self) -> Result<()> {
        self.train.iter().try_for_each(|pass| pass.check(self.classes))?;
        self.test.check(self.classes)?;
        let rows = |pass: &Labelled| pass.labels.len();
        if let Some(pair) = self.train.windows(2).find(|pair| rows(&pair[0]) != rows(&pair[1])) {
            let message = format!(
                "one version of the training stimuli has {} rows, another has {}: leave it out, or label every \
                 frame",
                rows(&pair[0]),
                rows(&pair[1])
            );
            return Err(Error::config("probe.augment", message));
        }
        if let Some(other) = self.train.iter().find(|pass| pass.channels != self.test.channels) {
            let message =
                format!("{} features in training, but {} in testing", other.channels, self.test.channels);
            return Err(Error::stimulus("probe", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_different_numbers_of_rows_are_refused() {
        let rows =
            |labels: &'static [u32]| Labelled { values: &[1.0, 2.0][..labels.len()], channels: 1, labels };
        let (two, one) = (rows(&[0, 1]), rows(&[0]));
        let check = |train: &[Labelled]| Task { classes: 2, train, held_out: &[], test: one }.check();
        check(&[two, two]).unwrap();
        let error = check(&[two, one]).unwrap_err().to_string();
        assert!(error.starts_with("probe.augment: ") && error.contains("2 rows, another has 1"), "{error}");
    }
}
