//! The probes of every layer: a classifier on its activity, for the trained and the untrained network.

mod accuracy;
mod all_layers;
mod baseline;
mod batches;
mod by_goodness;
mod classifier;
mod features;
mod in_f32;
mod input;
mod labelled;
mod neighbours;
mod norm;
mod orthogonal;
mod protocol;
mod result;
mod standardise;
mod statistics;
#[cfg(test)]
mod tests;

pub use accuracy::{ProbeSettings, accuracy, predictions};
pub use baseline::baseline_features;
pub use by_goodness::ByGoodness;
pub use classifier::Initial;
pub(crate) use features::append;
pub use features::{Features, features};
pub(crate) use in_f32::in_f32;
pub use labelled::{Labelled, Task};
pub use neighbours::neighbours;
pub use protocol::{ProbeKind, Protocol};
pub use result::{Beside, Chosen, FeatureStatistics, Found, LayerProbe, Score};

use crate::config::Config;
use crate::experiment::Experiment;
use crate::loader::HostBatch;
use crate::memory::{self, Memory};
use crate::network::Network;
use batches::batches;
use input::input_features;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::map::FeatureMap;
use plasticity_core::random::{purpose, stream};
use plasticity_core::representation::{Pooling, RepresentationShape};
use plasticity_core::stimulus::{Label, Split, Stimulus};
use plasticity_core::{Error, Result};
pub(crate) use statistics::statistics;
use std::collections::HashSet;
use std::sync::Arc;

/// Probes every layer of `trained` and of the same network with its initial weights. Unless `probe.input` is false, the
/// first result is for the stimuli themselves or, if they have a
/// [`Baseline`](plasticity_core::stimulus::Baseline), for its features. If the config asks for it, the last result is
/// for all layers together ([`AllLayers`](crate::config::AllLayers)).
///
/// `progress` is called with the current work and the share of it that is done, from 0 to 1: first features
/// are collected, batch by batch; then layers are probed in order.
///
/// # Errors
/// If there are no labelled stimuli, or they do not fit the network.
pub fn probe(
    experiment: &Experiment,
    trained: &mut Network,
    device: &Device,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Vec<LayerProbe>> {
    let mut untrained = experiment.network(device)?;
    let Plan { train, test, classes, all_layers, .. } = plan(experiment, trained)?;
    let mut bench = Bench { experiment, device, classes, train, test, progress };
    let mut layers = Vec::new();
    match bench.train.baseline() {
        _ if !experiment.config().probe.input => {}
        Some(baseline) => {
            let sides = bench
                .sides("hand-made features", &mut |batches| baseline_features(baseline, batches, device))?;
            layers.push(bench.layer(baseline.name, u64::MAX, &sides, 0)?);
        }
        None => {
            let sides = bench.sides("input", &mut |batches| input_features(batches))?;
            if sides.test.layers() > 0 {
                layers.push(bench.layer("input", u64::MAX - 1, &sides, 0)?);
            }
        }
    }
    let pooling = experiment.config().probe.pooling;
    // From 0.
    let wanted = experiment.config().probe.layers.as_ref();
    let wanted: Option<Vec<usize>> = wanted.map(|layers| layers.iter().map(|layer| layer - 1).collect());
    let wanted = wanted.as_deref();
    let names: Vec<String> = trained.layer_names().into_iter().map(str::to_owned).collect();
    let probed = |layer: usize| wanted.is_none_or(|wanted| wanted.contains(&layer));
    // One network after another, because there can be many features.
    let mut each = |network: &mut Network, what: &str| -> Result<Vec<LayerProbe>> {
        let sides =
            bench.sides(what, &mut |batches| features(network, batches, device, wanted, &mut |_| pooling))?;
        let layers = names.iter().enumerate().filter(|(layer, _)| probed(*layer));
        let read = layers.map(|(layer, name)| {
            (bench.progress)(&format!("layer {name}, {what}"), layer as f64 / names.len() as f64);
            bench.layer(name, layer as u64, &sides, layer)
        });
        read.collect()
    };
    let own = each(trained, "features")?;
    let other = each(&mut untrained, "untrained features")?;
    layers.extend(own.into_iter().zip(&other).map(|(own, other)| own.beside(other)));
    if let Some(pooling) = all_layers {
        let mut pooling = |layer: usize| pooling.get(layer).copied().unwrap_or(Pooling::Mean);
        let mut all = |network: &mut Network, bench: &mut Bench| {
            bench.sides("all layers together", &mut |batches| {
                Ok(features(network, batches, device, None, &mut pooling)?.side_by_side())
            })
        };
        let own = all(trained, &mut bench)?;
        let found = bench.layer("all", 0, &own, 0)?;
        drop(own);
        let other = all(&mut untrained, &mut bench)?;
        layers.push(found.beside(&bench.layer("all", 0, &other, 0)?));
    }
    Ok(layers)
}

/// If rules recognise classes by goodness, tries every class on the test stimuli, with `trained` and with
/// the same network with its initial weights.
///
/// # Errors
/// If rules recognise classes by goodness, but there are no labelled stimuli, or they do not fit the network.
pub fn goodness(
    experiment: &Experiment,
    trained: &mut Network,
    device: &Device,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Option<ByGoodness>> {
    let shape = experiment.stimulus().shape(1);
    let silent = FeatureMap::new(shape, Buffer::zeros(device, shape.len())?)?;
    if trained.goodness(&silent, 0)?.is_none() {
        return Ok(None);
    }
    let Plan { test, classes, .. } = plan(experiment, trained)?;
    let mut untrained = experiment.network(device)?;
    let mut of = |network: &mut Network, what: &str| {
        let batches = batches(experiment.config(), &test, None, what, progress)?;
        by_goodness::by_goodness(network, batches, classes, device)
    };
    let own = of(trained, "goodness of every class")?;
    let other = of(&mut untrained, "untrained goodness of every class")?;
    Ok(own.zip(other).and_then(|(own, other)| ByGoodness::new(&own, &other)))
}

/// The common state of all probes of a run.
struct Bench<'a> {
    experiment: &'a Experiment,
    device: &'a Device,
    classes: usize,
    train: Arc<dyn Stimulus>,
    test: Arc<dyn Stimulus>,
    progress: &'a mut dyn FnMut(&str, f64),
}

/// Features for training, one set for each pass over the training stimuli, and for the test.
struct Sides {
    train: Vec<Features>,
    test: Features,
}

type Collect<'c> = dyn FnMut(&mut dyn Iterator<Item = Result<HostBatch>>) -> Result<Features> + 'c;

impl Bench<'_> {
    /// Collects features for training and for the test.
    fn sides(&mut self, what: &str, collect: &mut Collect) -> Result<Sides> {
        let config = self.experiment.config();
        let mut of = |stimulus: &Arc<dyn Stimulus>, pass: Option<u64>, what: &str| {
            let mut batches = batches(config, stimulus, pass, what, self.progress)?;
            collect(&mut batches)
        };
        let learn = format!("{what} for training");
        let train = match config.probe.augment {
            0 => vec![of(&self.train, None, &learn)?],
            passes => (0..passes as u64)
                .map(|pass| {
                    of(&self.train, Some(pass), &format!("{learn}, version {} of {passes}", pass + 1))
                })
                .collect::<Result<_>>()?,
        };
        Ok(Sides { train, test: of(&self.test, None, &format!("{what} for testing"))? })
    }

    /// Probes one layer of one network; `stream_of` separates its random choices from those of other probes.
    fn layer(&self, name: &str, stream_of: u64, sides: &Sides, layer: usize) -> Result<LayerProbe> {
        let config = self.experiment.config();
        // The same stimuli for every layer.
        let mut random = stream(config.seed, &[purpose::PROBE, u64::MAX - 2]);
        let recording = |stimulus: usize| self.train.recording(stimulus);
        let held_out = sides.train[0].held_out(config.probe.validation, recording, &mut random);
        let read = |kind: ProbeKind| -> Result<Found> {
            let train: Vec<Labelled> =
                sides.train.iter().map(|pass| pass.layer(layer)).collect::<Result<_>>()?;
            let test = sides.test.layer(layer)?;
            let task = Task { classes: self.classes, train: &train, held_out: &held_out, test };
            let mut random = stream(config.seed, &[purpose::PROBE, stream_of]);
            let found = match (kind, config.probe.neighbours) {
                (ProbeKind::Neighbours, Some(k)) => neighbours(k, &task, self.device),
                _ => accuracy(&config.probe.settings(kind), &task, self.device, &mut random),
            };
            found.map_err(|error| config.locate(error))
        };
        let mut scores = Vec::new();
        for probe in config.probe.probes() {
            let found = read(probe)?;
            scores.push(Score::new(probe, found, found));
        }
        let features = statistics(sides.train[0].layer(layer)?, self.device)?;
        Ok(LayerProbe {
            name: name.to_owned(),
            scores,
            chance: 100.0 / self.classes as f64,
            majority: majority(sides.train[0].labels(), sides.test.labels(), self.classes),
            features,
            untrained_features: features,
        })
    }
}

/// The percentage of `test` that is correct if the answer is always the most frequent class of `train`.
fn majority(train: &[u32], test: &[u32], classes: usize) -> f64 {
    let count = |labels: &[u32], class: u32| labels.iter().filter(|&&label| label == class).count();
    let most = (0..classes as u32).max_by_key(|&class| count(train, class)).unwrap_or(0);
    100.0 * count(test, most) as f64 / test.len().max(1) as f64
}

/// The stimuli that train and test probes, and the pooling for the probe of all layers together.
pub struct Plan {
    train: Arc<dyn Stimulus>,
    test: Arc<dyn Stimulus>,
    classes: usize,
    all_layers: Option<Vec<Pooling>>,
    memory: Memory,
}

impl Plan {
    /// A lower bound of the memory for the features.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}

/// Finds everything that probes of `network` need, without probing. So missing data are found before a long
/// run, and not after it.
///
/// # Errors
/// If there are no labelled stimuli, their classes differ, a key of `[probe]` does not fit the stimuli, the layers or
/// another key, or there is no memory for the features.
pub fn plan(experiment: &Experiment, network: &Network) -> Result<Plan> {
    let plan = plan_in_any_memory(experiment, network)?;
    let remedy = "probe fewer layers (probe.layers), average them (probe.pooling, probe.all_layers), or use fewer \
                  versions (probe.augment)";
    plan.memory.check(memory::limit(), remedy)?;
    Ok(plan)
}

/// [`plan`], even if there is no memory for the features.
pub(crate) fn plan_in_any_memory(experiment: &Experiment, network: &Network) -> Result<Plan> {
    let config = experiment.config();
    let open = |split| config.open_stimulus(split).map(Arc::from);
    let (train, test): (Arc<dyn Stimulus>, Arc<dyn Stimulus>) =
        (open(Split::ProbeTrain)?, open(Split::ProbeTest)?);
    let classes = classes(train.as_ref(), test.as_ref())?;
    let kinds = config.probe.probes();
    let settings = kinds.into_iter().try_for_each(|kind| config.probe.settings(kind).check());
    settings
        .and_then(|()| varied(config, train.as_ref()))
        .and_then(|()| enough(config, train.as_ref()))
        .map_err(|error| config.locate(error))?;
    let maps = network.shapes(train.shape(config.training.batch))?;
    let fits = |key: &str, wanted: Option<&[usize]>, pooling: &mut dyn FnMut(usize) -> Pooling| {
        let wanted = |layer: usize| wanted.is_none_or(|wanted| wanted.contains(&(layer + 1)));
        maps.iter().enumerate().filter(|(layer, _)| wanted(*layer)).try_for_each(|(layer, &map)| {
            let refused = |error: Error| {
                let message = format!("layer {}: {error}", layer + 1);
                config.locate(Error::config(key, message))
            };
            RepresentationShape::of(map, pooling(layer)).map(drop).map_err(|error| refused(error.into()))
        })
    };
    let outside = |layer: &&usize| !(1..=maps.len()).contains(*layer);
    if let Some(layer) = config.probe.layers.iter().flatten().find(outside) {
        let message = format!("there is no layer {layer}: layers are counted from 1 to {}", maps.len());
        return Err(config.locate(Error::config("probe.layers", message)));
    }
    fits("probe.pooling", config.probe.layers.as_deref(), &mut |_| config.probe.pooling)?;
    let all_layers =
        all_layers::poolings(&config.probe.all_layers, network).map_err(|error| config.locate(error))?;
    if let Some(poolings) = &all_layers {
        fits("probe.all_layers", None, &mut |layer| poolings.get(layer).copied().unwrap_or(Pooling::Mean))?;
    }
    let rows = [features::rows(train.as_ref())?, features::rows(test.as_ref())?];
    let memory = features::memory(&config.probe, &maps, rows, all_layers.as_deref());
    Ok(Plan { train, test, classes, all_layers, memory })
}

/// Stimuli whose versions are compared, and versions of each: enough that flips do not look like none by chance.
const COMPARED: (usize, u64) = (4, 16);

/// Refuses versions (`probe.augment`) of stimuli that do not vary.
fn varied(config: &Config, train: &dyn Stimulus) -> Result<()> {
    if config.probe.augment == 0 {
        return Ok(());
    }
    let version = |index: usize, pass: u64| {
        let mut random = stream(config.seed, &[purpose::PROBE_AUGMENT, pass, index as u64]);
        train.sample(index, Some(&mut random)).map(|sample| (sample.values, sample.label))
    };
    let (stimuli, versions) = COMPARED;
    for index in 0..train.len().min(stimuli) {
        let first = version(index, 0)?;
        for pass in 1..versions {
            if version(index, pass)? != first {
                return Ok(());
            }
        }
    }
    Err(Error::config("probe.augment", "these stimuli do not vary: leave it out"))
}

/// Refuses more neighbours (`probe.neighbours`) than there are training stimuli, and a share (`probe.validation`) that
/// holds out all of them.
fn enough(config: &Config, train: &dyn Stimulus) -> Result<()> {
    let probe = &config.probe;
    if let Some(k) = probe.neighbours {
        let rows = most_rows(train)?.saturating_mul(probe.augment.max(1));
        neighbours::enough(k, rows, probe.augment)?;
    }
    if probe.validation > 0.0 {
        let recordings: HashSet<u64> = (0..train.len()).map(|stimulus| train.recording(stimulus)).collect();
        if features::held_out_of(probe.validation, recordings.len()) == recordings.len() {
            return Err(accuracy::nothing_left(train.len()));
        }
    }
    Ok(())
}

/// The rows of all stimuli if every frame has a label.
fn most_rows(stimulus: &dyn Stimulus) -> Result<usize> {
    if stimulus.is_empty() {
        return Ok(0);
    }
    let labels = stimulus.labels(&[stimulus.sample(0, None)?]);
    let of = |label: &Label| match label {
        Label::Frames(frames) => frames.len(),
        _ => 1,
    };
    Ok(labels.iter().map(of).sum::<usize>().saturating_mul(stimulus.len()))
}

fn classes(train: &dyn Stimulus, test: &dyn Stimulus) -> Result<usize> {
    match (train.classes(), test.classes()) {
        (Some(train), Some(test)) if train == test && !train.is_empty() => Ok(train.len()),
        (Some(train), Some(test)) => {
            let message = format!(
                "the classes of the training stimuli ({}) are not those of the test stimuli ({})",
                train.join(", "),
                test.join(", ")
            );
            Err(Error::stimulus("probe", message))
        }
        _ => Err(Error::stimulus("probe", "needs labelled stimuli, but these have no labels")),
    }
}
