//! Which pieces of which stimuli drive each neuron most: the paper's Figures 3a and 8.

use plasticity_core::representation::RepresentationShape;

/// A place in the stimuli at which a neuron was driven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driver {
    /// The neuron's activity: its mean over the rows and columns of the piece's map, as rules see it.
    pub response: f32,
    /// The stimulus.
    pub stimulus: usize,
    /// Which step in time of the layer's representation, of [`steps`](Self::steps).
    pub step: usize,
    /// Steps of the representation.
    pub steps: usize,
    /// Which location.
    pub location: usize,
}

/// The places that drive each neuron of a layer most, from many stimuli.
#[derive(Clone, Debug, Default)]
pub struct Drivers {
    most: usize,
    of: Vec<Vec<Driver>>,
}

impl Drivers {
    /// Keeps `most` places of each neuron.
    pub fn new(most: usize) -> Self {
        Self { most, of: Vec::new() }
    }

    /// How many neurons.
    pub fn channels(&self) -> usize {
        self.of.len()
    }

    /// The places that drive a neuron most, strongest first, each in a different stimulus; none if
    /// the neuron is silent.
    pub fn of(&self, channel: usize) -> &[Driver] {
        self.of.get(channel).map_or(&[], Vec::as_slice)
    }

    /// `count` neurons that are not silent, evenly spaced over the layer.
    pub fn awake(&self, count: usize) -> Vec<usize> {
        let awake: Vec<usize> = (0..self.of.len()).filter(|&channel| !self.of(channel).is_empty()).collect();
        let count = count.min(awake.len());
        (0..count).map(|index| awake[index * awake.len() / count]).collect()
    }

    /// Adds the representation of a batch whose first stimulus has the number `first`.
    pub(super) fn add(&mut self, values: &[f32], shape: RepresentationShape, first: usize) {
        self.of.resize_with(shape.channel, Vec::new);
        let mut best: Vec<Option<Driver>> = vec![None; shape.channel];
        for batch in 0..shape.batch {
            best.fill(None);
            for (step, location) in (0..shape.time).flat_map(|t| (0..shape.location).map(move |l| (t, l))) {
                let row = ((step * shape.location + location) * shape.batch + batch) * shape.channel;
                for (best, &response) in best.iter_mut().zip(&values[row..row + shape.channel]) {
                    if response > best.map_or(0.0, |best| best.response) {
                        let stimulus = first + batch;
                        *best = Some(Driver { response, stimulus, step, steps: shape.time, location });
                    }
                }
            }
            for (kept, best) in self.of.iter_mut().zip(&best) {
                let Some(best) = best else { continue };
                let place = kept.partition_point(|other| other.response >= best.response);
                if place < self.most {
                    kept.insert(place, *best);
                    kept.truncate(self.most);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_place_of_each_stimulus_is_kept_in_order() {
        let shape = RepresentationShape { time: 2, location: 1, batch: 2, channel: 2 };
        let mut drivers = Drivers::new(2);
        // [time, location, batch, channel]: neuron 2 is silent.
        drivers.add(&[1.0, 0.0, 5.0, -1.0, 3.0, 0.0, 4.0, 0.0], shape, 0);
        drivers.add(&[4.0, 0.0, 2.0, 0.0], RepresentationShape { batch: 1, ..shape }, 2);
        let found: Vec<_> = drivers.of(0).iter().map(|one| (one.response, one.stimulus, one.step)).collect();
        assert_eq!(found, [(5.0, 1, 0), (4.0, 2, 0)]);
        assert_eq!((drivers.of(1), drivers.awake(3)), (&[][..], vec![0]));
    }
}
