//! The recent past of each row: the previous step in time or, if there is only one step, the other view.

use crate::rule::views::Pairing;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};
use std::ops::Range;

/// The rows of a representation, in groups for statistics, and for each row the row that was seen before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// Runs of rows: one step in time, or one view.
    pub groups: Vec<Range<usize>>,
    /// For each row, the row seen before it.
    pub before: Vec<Option<usize>>,
}

impl Neighbours {
    /// A step in time follows the step before it. If there is only one step, the batch must have two views
    /// of its images.
    ///
    /// # Errors
    /// If a group has fewer than two rows, or a single step does not have two views.
    pub fn of(rule: &str, shape: RepresentationShape) -> Result<Self> {
        if shape.time == 1 {
            let pairing = Pairing::of(rule, shape)?;
            let images = pairing.images;
            let groups = (0..2 * pairing.places).map(|group| group * images..(group + 1) * images).collect();
            return Ok(Self { groups, before: pairing.others().into_iter().map(Some).collect() });
        }
        let step = shape.rows_per_step();
        if step < 2 || shape.time == 0 {
            let message = format!("needs at least two rows in each time step to compare, got {shape:?}");
            return Err(Error::shape(format!("rule {rule}"), message));
        }
        let groups = (0..shape.time).map(|time| time * step..(time + 1) * step).collect();
        Ok(Self { groups, before: (0..shape.rows()).map(|row| row.checked_sub(step)).collect() })
    }

    /// How many rows have a row before them.
    pub fn followers(&self) -> usize {
        self.before.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_the_step_before_or_the_other_view() {
        let shape = RepresentationShape { time: 2, location: 1, batch: 2, channel: 1 };
        let patches = Neighbours::of("r", shape).unwrap();
        assert_eq!((patches.groups.len(), patches.followers()), (2, 2));
        assert_eq!(patches.before, [None, None, Some(0), Some(1)]);
        let views = Neighbours::of("r", RepresentationShape { time: 1, batch: 4, ..shape }).unwrap();
        assert_eq!(views.groups, [0..2, 2..4]);
        assert_eq!(views.before, [Some(2), Some(3), Some(0), Some(1)]);
        assert!(Neighbours::of("r", RepresentationShape { batch: 1, ..shape }).is_err());
    }
}
