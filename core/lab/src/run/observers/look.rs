//! Regular measures of the network: its units, the norms of its weights, and probes.

use super::along::Along;
use crate::experiment::Experiment;
use crate::probe::{FeatureStatistics, Labelled, statistics};
use crate::run::{Run, Warning, filters};
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::map::FeatureMap;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::representation::{Pooling, Representation};
use std::cell::RefCell;

/// The least number of batches on which units are measured: always the first ones of the run.
const BATCHES: u64 = 2;
/// The least number of stimuli on which units are measured, if an epoch has so many. A layer is not called collapsed
/// by fewer: two stimuli always vary along one direction only.
const STIMULI: usize = 16;
/// The least share of dead units, in percent, that gives a warning.
const DEAD: f64 = 50.0;
/// A lower effective dimension gives a warning.
const COLLAPSED: f64 = 1.2;
/// The least number of steps between measures, if the config does not set it.
const APART: u64 = 100;

/// Measures every layer's share of zeros (`sparsity/layer_1`), dead units (`dead/layer_1`, percent) and effective dimension
/// (`dimension/layer_1`), and the norm of every parameter (`norm/layer.0.weight`); draws the first
/// layer's filters; and probes layers during training if the config says so. Warns about layers
/// that die or collapse.
pub struct Look<'a> {
    run: &'a RefCell<&'a mut Run>,
    experiment: &'a Experiment,
    every: u64,
    per_epoch: u64,
    probe: Option<Along<'a>>,
}

impl<'a> Look<'a> {
    /// Measures as often as `probe.every` says if layers are probed, else after every epoch.
    pub fn new(
        run: &'a RefCell<&'a mut Run>,
        experiment: &'a Experiment,
        per_epoch: u64,
        probe: Option<Along<'a>>,
    ) -> Self {
        let per_epoch = per_epoch.max(1);
        let every = match experiment.config().probe.every {
            Some(every) => every.steps(per_epoch).max(1),
            None => per_epoch * APART.div_ceil(per_epoch),
        };
        Self { run, experiment, every, per_epoch, probe }
    }

    /// Whether there is a measure after a step.
    pub fn due(&self, step: u64, total: u64) -> bool {
        step.is_multiple_of(self.every) || step == total
    }

    /// Steps between two measures, if layers are probed.
    pub fn probes_every(&self) -> Option<u64> {
        self.probe.as_ref().map(|_| self.every)
    }

    fn units(&self, moment: &Moment<Trainer>) -> Result<()> {
        let mut trainer = moment.network();
        // A whole batch need not fit the memory of one rank.
        let shard = trainer.sharing().shard();
        let training = &self.experiment.config().training;
        let batches = batches(shard.of(training.batch).len() / training.presentations.max(1), self.per_epoch);
        let network = trainer.network_mut();
        let device = network.device().clone();
        let mut layers: Vec<Units> = network.layer_names().iter().map(|_| Units::default()).collect();
        let names: Vec<String> = network.layer_names().into_iter().map(str::to_owned).collect();
        for host in self.experiment.loader_of(0..batches, shard)? {
            let batch = host?.to_device(&device)?;
            network.visit(&batch.input, &mut |index, map| match layers.get_mut(index) {
                Some(layer) => layer.add(map),
                None => Ok(()),
            })?;
        }
        drop(trainer);
        for (name, layer) in names.iter().zip(&layers) {
            let labels = vec![0; layer.means.len() / layer.channels.max(1)];
            let of = Labelled { values: &layer.means, channels: layer.channels, labels: &labels };
            let FeatureStatistics { dead, dimension } = statistics(of, &device)?;
            moment.measure(format!("sparsity/layer_{name}"), layer.zeros as f64 / layer.count.max(1) as f64);
            moment.measure(format!("dead/layer_{name}"), dead);
            moment.measure(format!("dimension/layer_{name}"), dimension);
            self.warn(moment, name, labels.len(), dead, dimension)?;
        }
        Ok(())
    }

    fn warn(
        &self,
        moment: &Moment<Trainer>,
        layer: &str,
        stimuli: usize,
        dead: f64,
        dimension: f64,
    ) -> Result<()> {
        let say = |what: &str, message: String| {
            let what = format!("{what}/layer_{layer}");
            self.run.borrow_mut().warn(&Warning { step: moment.step, what, message })
        };
        if dead >= DEAD {
            say(
                "dead",
                format!(
                    "layer {layer}: {dead:.0} % of its units are 0 for every stimulus and no longer learn; a \
                     lower rate, a warm-up (training.schedule) or batch_norm may prevent this"
                ),
            )?;
        }
        if stimuli >= STIMULI && dead < 100.0 && dimension < COLLAPSED {
            say(
                "dimension",
                format!(
                    "layer {layer}: its activity varies along only one direction (effective dimension \
                     {dimension:.2}), so a probe can read little from it; more negatives or a lower rate may \
                     help"
                ),
            )?;
        }
        Ok(())
    }

    fn weights(&self, moment: &Moment<Trainer>) -> Result<()> {
        let mut trainer = moment.network();
        let mut image = None;
        for (name, parameter) in trainer.network_mut().parameters() {
            let values = parameter.get()?;
            let squares: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
            moment.measure(format!("norm/{name}"), squares.sqrt());
            if name == "layer.0.weight" {
                image = filters::image(&values, parameter.shape());
            }
        }
        match image {
            Some(image) => self.run.borrow_mut().image("filters/layer_1", moment.step, &image),
            None => Ok(()),
        }
    }
}

impl Observer<Trainer> for Look<'_> {
    fn looks(&self, step: u64) -> bool {
        self.due(step, u64::MAX)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if !self.due(moment.step, moment.total) {
            return Ok(());
        }
        self.units(moment)?;
        self.weights(moment)?;
        match &self.probe {
            Some(along) => along.probe(moment),
            None => Ok(()),
        }
    }
}

/// The number of batches of `each` different stimuli on which units are measured.
fn batches(each: usize, per_epoch: u64) -> u64 {
    (STIMULI.div_ceil(each.max(1)) as u64).min(per_epoch).max(BATCHES)
}

/// The activity of a layer's units.
#[derive(Default)]
struct Units {
    channels: usize,
    /// The number of values that are 0.
    zeros: usize,
    count: usize,
    /// The mean of each stimulus over time and places, `[stimulus, channel]`.
    means: Vec<f32>,
}

impl Units {
    /// Adds a batch.
    fn add(&mut self, map: &FeatureMap) -> Result<()> {
        let zeros = |values: &[f32]| values.iter().filter(|value| **value == 0.0).count();
        self.count += map.data().len();
        self.zeros += match map.data().host() {
            Some(values) => zeros(values),
            None => zeros(&map.data().to_vec()?),
        };
        let mean = Representation::of(map, Pooling::Mean)?;
        let shape = mean.shape();
        self.average(&mean.data().to_vec()?, [shape.time, shape.location, shape.batch, shape.channel]);
        Ok(())
    }

    /// Adds the mean over time and locations of `[time, location, batch, channel]`.
    fn average(&mut self, values: &[f32], [time, location, batch, channel]: [usize; 4]) {
        self.channels = channel;
        let start = self.means.len();
        self.means.resize(start + batch * channel, 0.0);
        let weight = 1.0 / (time * location).max(1) as f32;
        for place in values.chunks_exact((batch * channel).max(1)) {
            self.means[start..].iter_mut().zip(place).for_each(|(mean, value)| *mean += weight * value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::{Buffer, Device};
    use plasticity_core::map::MapShape;

    #[test]
    fn small_batches_are_measured_until_there_are_enough_stimuli() {
        assert_eq!([32, 8, 4, 1].map(|each| batches(each, 100)), [2, 2, 4, 16]);
        assert_eq!((batches(1, 5), batches(1, 1)), (5, 2), "an epoch has no more");
    }

    #[test]
    fn units_are_averaged_over_time_and_places_and_zeros_counted() {
        let mut units = Units::default();
        let shape = MapShape { time: 2, location: 1, batch: 2, extent: [1, 1, 1], channels: 2 };
        let values = vec![1.0, 0.0, 3.0, 0.0, 2.0, 0.0, 5.0, 4.0];
        let map =
            FeatureMap::new(shape, Buffer::from_vec(&Device::open().unwrap(), values).unwrap()).unwrap();
        units.add(&map).unwrap();
        assert_eq!((units.zeros, units.count), (3, 8));
        assert_eq!(units.means, [1.5, 0.0, 4.0, 2.0]);
    }
}
