//! Which rows are views of one image.

use plasticity_core::device::{Buffer, Device, Indices};
use plasticity_core::draws::{Draws, Side};
use plasticity_core::ops;
use plasticity_core::pairs::Pairs;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};
use rand::RngExt;

/// The views of a batch: in each step in time and location, rows r and r ± `images` show one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Images.
    pub images: usize,
    /// Steps in time · locations.
    pub places: usize,
}

impl Pairing {
    /// The pairing of a representation's rows.
    ///
    /// # Errors
    /// If the batch does not have two views of each of at least two images.
    pub fn of(rule: &str, shape: RepresentationShape) -> Result<Self> {
        let images = shape.batch / 2;
        if !shape.batch.is_multiple_of(2) || images < 2 {
            let message = format!(
                "needs two views of at least two images in a batch, got {} rows: set [stimulus] views = 2 and \
                 [training] batch to 2 or more",
                shape.batch
            );
            return Err(Error::shape(format!("rule {rule}"), message));
        }
        Ok(Self { images, places: shape.time * shape.location })
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.places * 2 * self.images
    }

    /// The row with the other view of the image of row `row`.
    pub fn other(&self, row: usize) -> usize {
        let batch = 2 * self.images;
        row - row % batch + (row + self.images) % batch
    }

    /// For each row, the row with the other view.
    pub fn others(&self) -> Vec<usize> {
        (0..self.rows()).map(|row| self.other(row)).collect()
    }

    /// The rows of `values`, with the two views of each image exchanged.
    ///
    /// # Errors
    /// If there are fewer values than rows of `width`.
    pub fn swapped(&self, values: &Buffer, width: usize) -> Result<Buffer> {
        let index = self.others().into_iter().map(|row| row as u32).collect();
        Ok(ops::take_rows(values, 0, width, &Indices::from_vec(values.device(), index)?)?)
    }

    /// The pairs for targets in their own order and contexts [swapped](Self::swapped). Row q of
    /// both is a fixation: two views of one image. In the `count` saccades of a context, targets of
    /// other images replace its own.
    ///
    /// # Errors
    /// If the draws do not fit the batch.
    pub fn pairs(&self, rule: &str, count: usize, draws: &mut dyn Draws, device: &Device) -> Result<Pairs> {
        let batch = 2 * self.images;
        let drawn = match count {
            1 => draws.other_views(Side::Predict, self.images),
            _ => self.several(draws, count),
        };
        if drawn.len() != batch * count || drawn.iter().any(|&row| row as usize >= batch) {
            let message = format!("expected {} negatives below {batch}, got {drawn:?}", batch * count);
            return Err(Error::shape(format!("rule {rule}"), message));
        }
        let mut index = Vec::with_capacity(batch * count);
        for context in (0..batch).map(|row| self.other(row)) {
            let targets = &drawn[context * count..(context + 1) * count];
            index.extend(targets.iter().map(|&drawn| self.other(drawn as usize) as u32));
        }
        Ok(Pairs::sampled(device, self.rows(), count, index)?)
    }

    /// `[2 · images, count]`: views of other images, with repetition.
    fn several(&self, draws: &mut dyn Draws, count: usize) -> Vec<u32> {
        let mut random = draws.random(1);
        let images = self.images;
        (0..2 * images * count)
            .map(|place| {
                let image = (place / count + random.random_range(1..images)) % images;
                (image + images * random.random_range(0..2)) as u32
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::draws::SeededDraws;
    use plasticity_core::pairs::Saccades;

    fn shape(location: usize, batch: usize) -> RepresentationShape {
        RepresentationShape { time: 1, location, batch, channel: 3 }
    }

    #[test]
    fn the_other_view_is_half_a_batch_away() {
        let pairing = Pairing::of("r", shape(2, 4)).unwrap();
        assert_eq!(pairing.others(), [2, 3, 0, 1, 6, 7, 4, 5]);
        for rows in [3, 2, 0] {
            let error = Pairing::of("r", shape(1, rows)).unwrap_err().to_string();
            assert!(
                error.contains("rule r") && error.contains("views = 2 and [training] batch to 2 or more"),
                "{error}"
            );
        }
    }

    #[test]
    fn saccades_show_other_images() {
        let pairing = Pairing::of("r", shape(2, 6)).unwrap();
        for count in [1, 4] {
            let mut draws = SeededDraws { seed: 3, step: 1, module: 0 };
            let device = Device::open().unwrap();
            let pairs = pairing.pairs("r", count, &mut draws, &device).unwrap();
            let Saccades::Sampled(sampled) = pairs.saccades else { panic!("sampled") };
            for row in 0..12 {
                let others: Vec<usize> = sampled.of(row).collect();
                assert_eq!(others.len(), count);
                for other in others {
                    assert_eq!(row / 6, other / 6);
                    assert_ne!(row % 3, other % 3);
                }
            }
        }
    }
}
