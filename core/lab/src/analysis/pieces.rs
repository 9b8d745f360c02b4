//! The part of a stimulus that is shown to a person: the piece that a neuron saw, or the whole stimulus.

use super::Driver;
use plasticity_core::Result;
use plasticity_core::stimulus::{Stimulus, span};

/// How a stimulus is shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Image,
    /// A sequence of pictures.
    Video,
    /// A sound.
    Sound,
}

/// The kind of the stimuli of a source, from their axes: sound has neither rows nor columns.
pub fn kind(stimulus: &dyn Stimulus) -> Kind {
    match stimulus.extent() {
        [_, 1, 1] => Kind::Sound,
        [1, ..] => Kind::Image,
        _ => Kind::Video,
    }
}

/// A part of a stimulus, as the network sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// Time, rows and columns.
    pub extent: [usize; 3],
    /// Values at each position.
    pub channels: usize,
    /// `[t, y, x, channel]`, normalised.
    pub values: Vec<f32>,
}

/// The piece of a stimulus that drove a neuron: the patch of an image, or the frames of a clip or samples of a sound
/// that belong to the layer's step in time.
///
/// # Errors
/// If the stimulus cannot be made.
pub fn excerpt(stimulus: &dyn Stimulus, driver: &Driver) -> Result<Excerpt> {
    let sample = stimulus.sample(driver.stimulus, None)?;
    let values = stimulus.assemble(&[sample])?;
    let shape = stimulus.shape(1);
    // Steps of pieces come first, then steps on each piece's map.
    let on_map = (driver.steps / shape.time.max(1)).max(1);
    let (piece, step) = (driver.step / on_map, driver.step % on_map);
    // A location is a piece, or a place of a map that a layer keeps (then the whole map is shown).
    let location = driver.location.min(shape.location.saturating_sub(1));
    let each = shape.positions() * shape.channels;
    let start = (piece * shape.location + location) * shape.batch * each;
    let [time, rows, columns] = shape.extent;
    let frames = span(step, on_map, time);
    let frame = rows * columns * shape.channels;
    let (from, to) = (start + frames.start * frame, start + frames.end.min(time) * frame);
    let values = values.get(from..to).unwrap_or_default().to_vec();
    Ok(Excerpt {
        extent: [frames.end.min(time) - frames.start, rows, columns],
        channels: shape.channels,
        values,
    })
}

/// The whole stimulus: its first view.
///
/// # Errors
/// If the stimulus cannot be made.
pub fn whole(stimulus: &dyn Stimulus, index: usize) -> Result<Excerpt> {
    let (extent, channels) = (stimulus.extent(), stimulus.shape(1).channels);
    let mut values = stimulus.sample(index, None)?.values;
    values.truncate(extent.iter().product::<usize>() * channels);
    Ok(Excerpt { extent, channels, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::map::MapShape;
    use plasticity_core::random::Random;
    use plasticity_core::stimulus::{Label, Sample};

    /// Two steps of pieces at three locations, with maps of four frames of one pixel; values count up.
    struct Counting;

    impl Stimulus for Counting {
        fn len(&self) -> usize {
            1
        }
        fn shape(&self, batch: usize) -> MapShape {
            MapShape { time: 2, location: 3, batch, extent: [4, 1, 1], channels: 1 }
        }
        fn sample(&self, _: usize, _: Option<&mut Random>) -> Result<Sample> {
            Ok(Sample { values: (0..24).map(|value| value as f32).collect(), label: Label::None })
        }
    }

    #[test]
    fn a_piece_is_that_of_the_layers_step_and_location() {
        let driver = |step, location| Driver { response: 1.0, stimulus: 0, step, steps: 4, location };
        let values = |driver| excerpt(&Counting, &driver).unwrap().values;
        // Two of the layer's steps are on each piece, and each spans two frames.
        assert_eq!(values(driver(0, 0)), [0.0, 1.0]);
        assert_eq!(values(driver(3, 2)), [22.0, 23.0]);
    }
}
