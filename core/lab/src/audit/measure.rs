//! The updates of a step as a function of stimuli and weights, for finite differences.

use crate::network::{Network, Owner};
use plasticity_core::device::Buffer;
use plasticity_core::draws::SeededDraws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::{Pooling, Representation};
use plasticity_core::{Error, Result};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// Updates of every parameter, by full name, in the public layout.
pub type Updates = BTreeMap<String, Vec<f64>>;

/// Changes a parameter, given its full name, public shape and values.
pub type Change<'a> = dyn FnMut(&str, &[usize], &mut [f32]) + 'a;

/// The relative difference of nearly identical stimuli: large enough to change the rounding of sums, and small enough
/// that a joint effect of three of them is 1e-9 of a normal one.
const NEARLY: f32 = 1e-3;
/// The noise floor in units of the value for nearly identical stimuli.
const SEVERAL: f64 = 8.0;

/// A network and two full sets of stimuli to switch between.
pub struct Bench {
    pub(super) network: Network,
    shape: MapShape,
    /// The shown stimuli, their replacements, and stimuli nearly identical to the first.
    stimuli: [Vec<f32>; 3],
    rounding: BTreeMap<String, f64>,
    labels: Vec<u32>,
    /// For every module, the layer whose output is its target; `None`: the input itself.
    targets: Vec<Option<usize>>,
}

/// Stimuli of a measurement: few, to be quick, but enough for mixed differences over three.
const BATCH: usize = 4;

impl Bench {
    /// The number of stimuli in the batch of an audit of `rule`.
    pub fn batch_for(rule: &dyn RuleSpec) -> usize {
        rule.demands().least_batch.max(BATCH)
    }

    /// Prepares a network for the audit. The weights of its rules are scaled so that scores are of order one, because
    /// scores of a new network are too small to show dependences.
    ///
    /// # Errors
    /// If there are fewer than four stimuli, which the measurements need, or the network cannot be run.
    pub fn new(network: Network, shape: MapShape, classes: usize, seed: u64) -> Result<Self> {
        if shape.batch < BATCH {
            let message = format!("needs a batch of at least {BATCH}, got {}", shape.batch);
            return Err(Error::config("audit", message));
        }
        let mut random = stream(seed, &[u64::from_be_bytes(*b"audit\0\0\0")]);
        let [one, other] = [stimuli(&mut random, shape), stimuli(&mut random, shape)];
        let nearly = one.iter().map(|value| value * (1.0 + random.random_range(-NEARLY..NEARLY))).collect();
        let labels = (0..shape.batch).map(|index| (index % classes.max(1)) as u32).collect();
        let (stimuli, rounding) = ([one, other, nearly], BTreeMap::new());
        let mut bench = Self { network, shape, stimuli, rounding, labels, targets: Vec::new() };
        bench.bring_scores_to_order_one()?;
        bench.stimuli.swap(1, 2);
        for first in 0..shape.batch - 2 {
            let (mixed, sizes) = bench.mixed_difference(first)?;
            for one in sizes.keys() {
                let largest = bench.rounding.entry(one.clone()).or_insert(0.0);
                *largest = largest.max(relative(&mixed, &sizes, one));
            }
        }
        bench.stimuli.swap(1, 2);
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

    /// For every module, the first and the last step in time of its target that change if the second set of stimuli
    /// replaces the first at the steps `switched` of the input. Nothing is learned, and statistics over the batch are
    /// not used.
    pub(super) fn reach(&mut self, switched: &dyn Fn(usize) -> bool) -> Result<Vec<Option<[usize; 2]>>> {
        let plain = self.input(&|_, _| false, &|_| true)?;
        let other = self.input(&|time, _| switched(time), &|_| true)?;
        let plain = self.network.represent(&plain, Pooling::Mean)?;
        let other = self.network.represent(&other, Pooling::Mean)?;
        let mut found = Vec::new();
        for &layer in &self.targets {
            let Some(layer) = layer else {
                let mut steps = (0..self.steps()).filter(|&step| switched(step));
                let first = steps.next();
                found.push(first.map(|first| [first, steps.last().unwrap_or(first)]));
                continue;
            };
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
    pub(super) fn learning(&mut self) -> BTreeSet<String> {
        let parameters = self.network.parameters().into_iter();
        parameters.filter(|(_, parameter)| parameter.learns()).map(|(name, _)| name).collect()
    }

    /// The updates of one step. `switched(time, stimulus)` says where the second set of stimuli replaces the first;
    /// `shown(time)` says which steps in time are shown.
    pub(super) fn updates(
        &mut self,
        switched: &dyn Fn(usize, usize) -> bool,
        shown: &dyn Fn(usize) -> bool,
    ) -> Result<Updates> {
        let input = self.input(switched, shown)?;
        let mut updates = Updates::new();
        let labels = self.labels.clone();
        self.network.step(input, Some(&labels), &mut SeededDraws::of_modules(7, 0), &mut |mut step| {
            for (name, update) in step.named()? {
                updates.insert(name, update.into_iter().map(f64::from).collect());
            }
            Ok(())
        })?;
        Ok(updates)
    }

    /// The updates of one step on the first set of stimuli.
    pub(super) fn plain(&mut self) -> Result<Updates> {
        self.updates(&|_, _| false, &|_| true)
    }

    /// Δₐ Δ_b Δ_c U over three stimuli from `first` on, and the sizes of the updates in this difference.
    pub(super) fn mixed_difference(&mut self, first: usize) -> Result<(Updates, Sizes)> {
        let mut terms = Vec::new();
        for mask in 0..8_u32 {
            let on =
                |_: usize, stimulus: usize| (0..3).any(|bit| mask >> bit & 1 == 1 && stimulus == first + bit);
            let sign = if mask.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
            terms.push((sign, self.updates(&on, &|_| true)?));
        }
        Ok((combine(&terms), sizes(terms.iter().map(|(_, updates)| updates))))
    }

    /// The largest ‖change‖ / ‖U‖ of a mixed difference over the layers and rules that `keep` selects, minus the
    /// noise floor. The noise floor is several times the mixed difference of nearly identical stimuli, which is only
    /// rounding.
    pub(super) fn beyond_rounding(&self, change: &Updates, of: &Sizes, keep: &dyn Fn(&str) -> bool) -> f64 {
        let beyond = of.keys().filter(|one| keep(one)).map(|one| {
            let rounding = self.rounding.get(one).copied().unwrap_or_default();
            (relative(change, of, one) - SEVERAL * rounding).max(0.0)
        });
        beyond.fold(0.0, f64::max)
    }

    pub(super) fn input(
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

    /// Changes parameters by `change(full name, public shape, values)` and returns their values before.
    pub(super) fn change(&mut self, change: &mut Change) -> Result<Vec<Vec<f32>>> {
        let mut before = Vec::new();
        for (name, parameter) in self.network.parameters() {
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

    /// Restores the values that [`change`](Self::change) returned.
    pub(super) fn put_back(&mut self, before: &[Vec<f32>]) -> Result<()> {
        for ((_, parameter), was) in self.network.parameters().into_iter().zip(before) {
            parameter.set(was)?;
        }
        Ok(())
    }

    fn bring_scores_to_order_one(&mut self) -> Result<()> {
        let (mut squares, mut recurrent) = (Vec::new(), Vec::new());
        let input = self.input(&|_, _| false, &|_| true)?;
        let labels = self.labels.clone();
        self.network.step(input, Some(&labels), &mut SeededDraws::of_modules(7, 0), &mut |step| {
            let target = mean_square(step.target)?;
            let context = step.context.map(mean_square).transpose()?;
            recurrent.push(context.is_some());
            squares.push((target, context.unwrap_or(target)));
            Ok(())
        })?;
        // If a module's last layer is the context, its target is the output of the layer below.
        let ends = self.network.modules().iter().map(|module| module.layers().end - 1);
        self.targets =
            ends.zip(recurrent).map(|(last, recurrent)| last.checked_sub(usize::from(recurrent))).collect();
        self.change(&mut |name, shape, values| {
            let Some((Owner::Module(module), _)) = Owner::of(name) else { return };
            let (Some((target, context)), Some((_, top)), true) =
                (squares.get(module), squares.last(), shape.len() == 2)
            else {
                return;
            };
            let context = if name.contains(".predict.top") { top } else { context };
            // u = zᵀ W c with random W has the size |z| |c| times the root mean square of W.
            let weight = values.iter().map(|w| w * w).sum::<f32>() / values.len().max(1) as f32;
            let size = (target * context * weight).sqrt();
            if size > 0.0 {
                values.iter_mut().for_each(|value| *value /= size);
            }
        })?;
        Ok(())
    }
}

/// The mean of |z|² over the rows of a representation.
fn mean_square(representation: &Representation) -> Result<f32> {
    let sum = representation.data().to_vec()?.iter().map(|z| z * z).sum::<f32>();
    Ok((sum / representation.shape().rows().max(1) as f32).max(1e-20))
}

/// Noise, each frame with its own contrast and brightness. With equal frames, positives and negatives would cancel,
/// and an update would be only rounding.
fn stimuli(random: &mut Random, shape: MapShape) -> Vec<f32> {
    let frame = (shape.extent[1] * shape.extent[2] * shape.channels).max(1);
    let mut values = normal(random, shape.len());
    for frame in values.chunks_exact_mut(frame) {
        let (contrast, brightness) =
            (random.random_range(-1.5f32..1.5).exp2(), random.random_range(-1.0f32..1.0));
        frame.iter_mut().for_each(|value| *value = contrast * *value + brightness);
    }
    values
}

fn normal(random: &mut Random, len: usize) -> Vec<f32> {
    // The sum of four uniform numbers is approximately normal, with variance one.
    (0..len)
        .map(|_| (0..4).map(|_| random.random_range(-1.0f32..1.0)).sum::<f32>() * 0.75f32.sqrt())
        .collect()
}

/// ‖a‖ over the updates that `keep` selects by name.
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

/// ‖U‖ of every layer and rule (the first two parts of a name); the largest if there are several updates.
pub type Sizes = BTreeMap<String, f64>;

/// The sizes of updates.
pub fn sizes<'a>(all: impl Iterator<Item = &'a Updates>) -> Sizes {
    let mut sizes = Sizes::new();
    for updates in all {
        let owners: BTreeSet<String> = updates.keys().map(|name| owner(name)).collect();
        for one in owners {
            let size = norm(updates, &|name| owner(name) == one);
            let largest = sizes.entry(one).or_insert(0.0);
            *largest = largest.max(size);
        }
    }
    sizes
}

/// The largest ‖change‖ / ‖U‖ over the layers and rules of `change` that `keep` selects.
pub fn largest(change: &Updates, of: &Updates, keep: &dyn Fn(&str) -> bool) -> f64 {
    let of = sizes([of].into_iter());
    of.keys().filter(|one| keep(one)).map(|one| relative(change, &of, one)).fold(0.0, f64::max)
}

/// ‖change‖ / ‖U‖ of one layer or rule; infinite if a change is NaN, and 0 if there is no update.
fn relative(change: &Updates, of: &Sizes, one: &str) -> f64 {
    let size = of.get(one).copied().unwrap_or_default();
    let relative = if size > 0.0 { norm(change, &|name| owner(name) == one) / size } else { 0.0 };
    if relative.is_nan() { f64::INFINITY } else { relative }
}

/// The owner of a parameter: `layer.3` for `layer.3.weight`.
pub fn owner(name: &str) -> String {
    name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}
