//! The updates of a step as a function of stimuli and weights, to be differenced.

use plasticity_core::device::Buffer;
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::network::Network;
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Updates of every parameter, by full name, in the public layout.
pub type Updates = BTreeMap<String, Vec<f64>>;

/// Changes a parameter, given its full name, public shape and values.
pub type Change<'a> = dyn FnMut(&str, &[usize], &mut [f32]) + 'a;

/// A network on the bench, with two full sets of stimuli to switch between.
pub struct Bench {
    pub(super) network: Network,
    shape: MapShape,
    stimuli: [Vec<f32>; 2],
    labels: Vec<u32>,
    targets: Vec<usize>,
}

impl Bench {
    /// Puts a network on the bench. Its rules' weights are scaled so that scores are of order one, because on a fresh
    /// network they are so small that nothing would depend on anything.
    ///
    /// # Errors
    /// Where there are fewer than four stimuli, which the measurements need, or the network cannot be run.
    pub fn new(network: Network, shape: MapShape, classes: usize, seed: u64) -> Result<Self> {
        if shape.batch < 4 {
            return Err(Error::config("audit", format!("needs a batch of at least 4, got {}", shape.batch)));
        }
        let mut random = stream(seed, &[u64::from_be_bytes(*b"audit\0\0\0")]);
        let stimuli = [normal(&mut random, shape.len()), normal(&mut random, shape.len())];
        let labels = (0..shape.batch).map(|index| (index % classes.max(1)) as u32).collect();
        let mut bench = Self { network, shape, stimuli, labels, targets: Vec::new() };
        bench.bring_scores_to_order_one()?;
        Ok(bench)
    }

    /// Whether anything learns.
    pub fn learns(&self) -> bool {
        self.network.learns()
    }

    /// Stimuli in the batch.
    pub(super) fn batch(&self) -> usize {
        self.shape.batch
    }

    /// Steps in time of the input: separate pieces, or positions on the time axis of its map.
    pub(super) fn steps(&self) -> usize {
        self.shape.time * self.shape.extent[0]
    }

    /// For every module, the steps in time of its target that change where the second set of stimuli stands in at the
    /// steps `switched` of the input: the first and the last one. Nothing is learned, and statistics over the batch
    /// are not used.
    pub(super) fn reach(&mut self, switched: &dyn Fn(usize) -> bool) -> Result<Vec<Option<[usize; 2]>>> {
        let plain = self.input(&|_, _| false, &|_| true)?;
        let other = self.input(&|time, _| switched(time), &|_| true)?;
        let plain = self.network.represent(&plain, Pooling::Mean)?;
        let other = self.network.represent(&other, Pooling::Mean)?;
        let mut found = Vec::new();
        for &layer in &self.targets {
            let (one, two) = (plain[layer].data().to_vec()?, other[layer].data().to_vec()?);
            let shape = plain[layer].shape();
            let each = (shape.rows_per_step() * shape.channel).max(1);
            let mut steps = one.chunks(each).zip(two.chunks(each)).map(|(one, two)| one != two);
            let first = steps.clone().position(|differs| differs);
            found.push(first.zip(steps.rposition(|differs| differs)).map(|(first, last)| [first, last]));
        }
        Ok(found)
    }

    /// Full names of the parameters that learn.
    pub(super) fn learning(&self) -> BTreeSet<String> {
        let parameters = self.network.parameters().into_iter();
        parameters.filter(|(_, parameter)| parameter.learns()).map(|(name, _)| name).collect()
    }

    /// The updates of one step. `switched(time, stimulus)` says where the second set of stimuli stands in for the
    /// first, `shown(time)` which steps in time are shown at all.
    pub(super) fn updates(
        &mut self,
        switched: &dyn Fn(usize, usize) -> bool,
        shown: &dyn Fn(usize) -> bool,
    ) -> Result<Updates> {
        let input = self.input(switched, shown)?;
        let mut updates = Updates::new();
        let labels = self.labels.clone();
        self.network.step(
            input,
            Some(&labels),
            &mut |module| Box::new(SeededDraws { seed: 7, step: 0, module: module as u64 }) as Box<dyn Draws>,
            &mut |step| {
                for (name, update) in step.named()? {
                    updates.insert(name, update.into_iter().map(f64::from).collect());
                }
                Ok(())
            },
        )?;
        Ok(updates)
    }

    /// The updates of one step on the first set of stimuli.
    pub(super) fn plain(&mut self) -> Result<Updates> {
        self.updates(&|_, _| false, &|_| true)
    }

    fn input(
        &self,
        switched: &dyn Fn(usize, usize) -> bool,
        shown: &dyn Fn(usize) -> bool,
    ) -> Result<FeatureMap> {
        let MapShape { time, location, batch, extent, channels } = self.shape;
        let frame = extent[1] * extent[2] * channels;
        let mut values = vec![0.0; self.shape.len()];
        for (place, chunk) in values.chunks_exact_mut(frame).enumerate() {
            let (sample, frame_time) = (place / extent[0], place % extent[0]);
            let (step, stimulus) = (sample / (location * batch) * extent[0] + frame_time, sample % batch);
            debug_assert!(step < time * extent[0]);
            if shown(step) {
                let set = &self.stimuli[usize::from(switched(step, stimulus))];
                chunk.copy_from_slice(&set[place * frame..(place + 1) * frame]);
            }
        }
        FeatureMap::new(self.shape, Buffer::from_vec(self.network.device(), values)?)
    }

    /// Changes parameters by `change(full name, public shape, values)`, returns what they were.
    pub(super) fn change(&mut self, change: &mut Change) -> Result<Vec<Vec<f32>>> {
        let mut before = Vec::new();
        for (name, parameter) in self.network.parameters_mut() {
            let was = parameter.get()?;
            let mut now = was.clone();
            change(&name, parameter.shape(), &mut now);
            if now != was {
                parameter.set(&now)?;
            }
            before.push(was);
        }
        Ok(before)
    }

    /// Puts back what [`change`](Self::change) returned.
    pub(super) fn put_back(&mut self, before: &[Vec<f32>]) -> Result<()> {
        for ((_, parameter), was) in self.network.parameters_mut().into_iter().zip(before) {
            parameter.set(was)?;
        }
        Ok(())
    }

    fn bring_scores_to_order_one(&mut self) -> Result<()> {
        let (mut squares, mut recurrent) = (Vec::new(), Vec::new());
        let input = self.input(&|_, _| false, &|_| true)?;
        let labels = self.labels.clone();
        self.network.step(
            input,
            Some(&labels),
            &mut |module| Box::new(SeededDraws { seed: 7, step: 0, module: module as u64 }) as Box<dyn Draws>,
            &mut |step| {
                let square = |values: Vec<f32>| values.iter().map(|v| v * v).sum::<f32>();
                let rows = step.target.shape().rows().max(1) as f32;
                squares.push((square(step.target.data().to_vec()?) / rows).max(1e-20));
                recurrent.push(step.context.is_some());
                Ok(())
            },
        )?;
        // Where a module's last layer is the context, its target is the output of the layer below.
        let ends = self.network.modules().iter().map(|module| module.layers().end);
        self.targets = ends.zip(recurrent).map(|(end, recurrent)| end - 1 - usize::from(recurrent)).collect();
        self.change(&mut |name, shape, values| {
            let Some(module) =
                name.strip_prefix("module.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok())
            else {
                return;
            };
            let (Some(square), Some(top), true) = (squares.get(module), squares.last(), shape.len() == 2)
            else {
                return;
            };
            let context = if name.contains(".predict.top") { top } else { square };
            // u = zᵀ W c with W uniform in ±1/√C has the size |z| |c| / √(3 C).
            let size = (square * context).sqrt() / (3.0 * shape[1] as f32).sqrt();
            values.iter_mut().for_each(|value| *value /= size);
        })?;
        Ok(())
    }
}

fn normal(random: &mut Random, len: usize) -> Vec<f32> {
    // The sum of four uniform numbers is near enough to normal, with variance one.
    (0..len)
        .map(|_| (0..4).map(|_| random.random_range(-1.0f32..1.0)).sum::<f32>() * 0.75f32.sqrt())
        .collect()
}

/// ‖a‖ over the named updates that `keep` keeps.
pub fn norm(updates: &Updates, keep: &dyn Fn(&str) -> bool) -> f64 {
    let values = updates.iter().filter(|(name, _)| keep(name)).flat_map(|(_, values)| values);
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// Σ sign · updates.
pub fn combine(terms: &[(f64, Updates)]) -> Updates {
    let mut sum = Updates::new();
    for (sign, updates) in terms {
        for (name, values) in updates {
            let into = sum.entry(name.clone()).or_insert_with(|| vec![0.0; values.len()]);
            into.iter_mut().zip(values).for_each(|(into, value)| *into += sign * value);
        }
    }
    sum
}

/// The largest ‖change‖ / ‖U‖ over the layers and rules (the first two parts of a name) of `change` that `keep`
/// keeps.
pub fn largest(change: &Updates, of: &Updates, keep: &dyn Fn(&str) -> bool) -> f64 {
    let mut worst: f64 = 0.0;
    let owners: BTreeSet<String> = of.keys().map(|name| owner(name)).collect();
    for one in owners.iter().filter(|one| keep(one)) {
        let within = |name: &str| owner(name) == *one;
        let size = norm(of, &within);
        if size > 0.0 {
            worst = worst.max(norm(change, &within) / size);
        }
    }
    worst
}

/// `layer.3` of `layer.3.weight`.
pub fn owner(name: &str) -> String {
    name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}
