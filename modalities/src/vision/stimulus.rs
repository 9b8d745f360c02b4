//! From decoded images to the encoder's input.

use super::normalise::Normalise;
use super::patches::Grid;
use super::picture::Picture;
use super::source::ImageSource;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Label, Sample, Stimulus};
use plasticity_core::{Error, Result};
use rand::Rng;

/// One split of a source of images: crops, flips, normalises and cuts into patches.
///
/// # Shapes
/// A sample holds the cropped image, `[y, x, channel]`. A batch has the patches' rows as time, their columns
/// as locations, and maps of extent [1, size, size].
pub struct ImageStimulus {
    pub(super) source: Box<dyn ImageSource>,
    pub(super) crop: usize,
    pub(super) flip: bool,
    pub(super) normalise: Normalise,
    pub(super) grid: Grid,
}

impl ImageStimulus {
    /// Values of one sample.
    fn values(&self) -> usize {
        self.crop * self.crop * self.normalise.channels()
    }

    fn too_small(&self, index: usize, picture: &Picture) -> Error {
        let (height, width) = (picture.height(), picture.width());
        let fits = height.min(width);
        let message = format!(
            "is of {height}×{width} pixels, smaller than the crop of {0}×{0}: take images of at least that \
             size, or set stimulus.crop to {fits} or less",
            self.crop
        );
        Error::stimulus(self.source.place(index), message)
    }

    /// A crop at (`top`, `left`), flipped left to right if `flip`, normalised.
    fn view(&self, picture: &Picture, top: usize, left: usize, flip: bool) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.values());
        for y in top..top + self.crop {
            let row = picture.row(y, left, self.crop);
            if flip {
                row.iter().rev().for_each(|pixel| self.normalise.push(*pixel, &mut values));
            } else {
                row.iter().for_each(|pixel| self.normalise.push(*pixel, &mut values));
            }
        }
        values
    }
}

impl Stimulus for ImageStimulus {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn shape(&self, batch: usize) -> MapShape {
        let Grid { side, size, .. } = self.grid;
        let channels = self.normalise.channels();
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
        let values = match augment {
            Some(random) => {
                let mut up_to = |room: usize| random.random_range(0..=room as u32) as usize;
                let (top, left) = (up_to(down), up_to(across));
                self.view(picture, top, left, random.random::<bool>() && self.flip)
            }
            None => self.view(picture, down / 2, across / 2, false),
        };
        Ok(Sample { values, label: image.class.map_or(Label::None, Label::Class) })
    }

    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        if let Some(sample) = samples.iter().find(|sample| sample.values.len() != self.values()) {
            let message = format!("expected {} values, got {}", self.values(), sample.values.len());
            return Err(Error::stimulus("image", message));
        }
        let channels = self.normalise.channels();
        let mut values = Vec::with_capacity(self.shape(samples.len()).len());
        for row in 0..self.grid.side {
            for column in 0..self.grid.side {
                for sample in samples {
                    self.grid.cut(&sample.values, channels, row, column, &mut values);
                }
            }
        }
        Ok(values)
    }
}
