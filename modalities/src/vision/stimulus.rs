//! Makes the encoder's input from decoded images.

use super::augment::Augment;
use super::normalise::Normalise;
use super::patches::Grid;
use super::picture::Picture;
use super::source::ImageSource;
use crate::common::limit;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Label, Sample, Stimulus};
use plasticity_core::{Error, Result};
use rand::RngExt;

/// One split of a source of images. It crops, flips, normalises and cuts images into patches.
///
/// # Shapes
/// A sample has its cropped views, of shape `[view, y, x, channel]`. In a batch, the rows of patches are
/// time, their columns are locations, and maps have the extent [1, size, size]. With two views, the batch
/// axis has the first views of all stimuli and then their second views, so it is twice as long.
pub struct ImageStimulus {
    pub(super) source: Box<dyn ImageSource>,
    pub(super) crop: usize,
    pub(super) flip: bool,
    pub(super) normalise: Normalise,
    pub(super) views: usize,
    pub(super) augment: Option<Augment>,
    pub(super) grid: Grid,
}

impl ImageStimulus {
    /// The number of values of one view.
    fn values(&self) -> usize {
        self.crop * self.crop * self.normalise.channels()
    }

    fn too_small(&self, index: usize, picture: &Picture) -> Error {
        let (height, width) = (picture.height(), picture.width());
        let fits = height.min(width);
        let message = format!(
            "has {height}×{width} pixels, fewer than the crop of {0}×{0}: use larger images, or set \
             stimulus.crop to {fits} or less",
            self.crop
        );
        Error::stimulus(self.source.place(index), message)
    }

    /// Appends the normalised crop at (`top`, `left`), flipped left to right with `flip`.
    fn crop(&self, picture: &Picture, top: usize, left: usize, flip: bool, values: &mut Vec<f32>) {
        for y in top..top + self.crop {
            let row = picture.row(y, left, self.crop);
            if flip {
                row.iter().rev().for_each(|pixel| self.normalise.push(*pixel, values));
            } else {
                row.iter().for_each(|pixel| self.normalise.push(*pixel, values));
            }
        }
    }
}

impl Stimulus for ImageStimulus {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn shape(&self, batch: usize) -> MapShape {
        let Grid { side, size, .. } = self.grid;
        let channels = self.normalise.channels();
        let batch = self.views * batch;
        MapShape { time: side, location: side, batch, extent: [1, size, size], channels }
    }

    fn classes(&self) -> Option<Vec<String>> {
        self.source.classes()
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        let image = self.source.image(index)?;
        let picture = &image.picture;
        let room = |side: usize| side.checked_sub(self.crop);
        let (Some(down), Some(across)) = (room(picture.height()), room(picture.width())) else {
            return Err(self.too_small(index, picture));
        };
        let mut values = limit::room("image", self.views * self.values())?;
        match (augment, &self.augment) {
            (Some(random), Some(augment)) => {
                for _ in 0..self.views {
                    let view = augment.view(picture, self.crop, self.flip, random);
                    self.normalise.extend(&view, &mut values);
                }
            }
            (Some(random), None) => {
                let mut up_to = |room: usize| random.random_range(0..=room as u32) as usize;
                let (top, left) = (up_to(down), up_to(across));
                self.crop(picture, top, left, random.random::<bool>() && self.flip, &mut values);
            }
            (None, _) => {
                for _ in 0..self.views {
                    self.crop(picture, down / 2, across / 2, false, &mut values);
                }
            }
        }
        Ok(Sample { values, label: image.class.map_or(Label::None, Label::Class) })
    }

    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        let expected = self.views * self.values();
        if let Some(sample) = samples.iter().find(|sample| sample.values.len() != expected) {
            let message = format!("expected {expected} values, got {}", sample.values.len());
            return Err(Error::stimulus("image", message));
        }
        let channels = self.normalise.channels();
        let mut values = limit::room("batch", self.shape(samples.len()).len())?;
        for (row, column) in (0..self.grid.side).flat_map(|r| (0..self.grid.side).map(move |c| (r, c))) {
            for view in 0..self.views {
                for sample in samples {
                    let image = sample.values.get(view * self.values()..).unwrap_or_default();
                    self.grid.cut(image, channels, row, column, &mut values);
                }
            }
        }
        Ok(values)
    }

    fn extent(&self) -> [usize; 3] {
        [1, self.crop, self.crop]
    }

    fn name(&self, index: usize) -> Option<String> {
        Some(self.source.place(index))
    }

    fn labels(&self, samples: &[Sample]) -> Vec<Label> {
        (0..self.views).flat_map(|_| samples.iter().map(|sample| sample.label.clone())).collect()
    }
}
