//! The read-out of every layer: a linear classifier on its activity, beside that of the untrained network.

mod all_layers;
mod baseline;
mod batches;
mod classifier;
mod features;

pub use baseline::baseline_features;
pub use classifier::{Labelled, accuracy};
pub use features::{Features, features};

use crate::experiment::Experiment;
use crate::network::Network;
use batches::batches;
use plasticity_core::device::Device;
use plasticity_core::random::{purpose, stream};
use plasticity_core::representation::{Pooling, RepresentationShape};
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How well a layer, or hand-made features, reads out, in percent of the test stimuli (or frames).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReadout {
    /// The layer, counted from 1, or what hand-made features are called; `all` for all layers side by side.
    pub name: String,
    /// Of the trained network.
    pub accuracy: f64,
    /// Of the network with its initial weights; of hand-made features, which do not learn, the same.
    pub untrained: f64,
    /// Of guessing: 100 over the number of classes.
    pub chance: f64,
}

/// Reads out every layer of `trained` and of the same network with its initial weights; before them, where the stimuli
/// have a [`Baseline`](plasticity_core::stimulus::Baseline), its features; after them, where the config asks for it, all layers side
/// by side ([`AllLayers`](crate::config::AllLayers)).
///
/// `progress` is called with what is being done and the share of it that is done, from 0 to 1: features are collected batch
/// by batch, then layers are read out one after the other.
///
/// # Errors
/// Where there are no labelled stimuli, or they do not fit the network.
pub fn probe(
    experiment: &Experiment,
    trained: &mut Network,
    device: &Device,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Vec<LayerReadout>> {
    let config = experiment.config();
    let mut untrained = experiment.network(device)?;
    let Plan { train, test, classes, all_layers } = plan(experiment, trained)?;
    let mut layers = Vec::new();
    let chance = 100.0 / classes as f64;
    if let Some(baseline) = train.baseline() {
        let mut collect = |stimulus| {
            let batches = batches(config, stimulus, "hand-made features", progress)?;
            baseline_features(baseline, batches, device)
        };
        let (train, test) = (collect(&train)?, collect(&test)?);
        let mut random = stream(config.seed, &[purpose::PROBE, u64::MAX]);
        let accuracy = accuracy(&config.probe, classes, train.layer(0)?, test.layer(0)?, device, &mut random)
            .map_err(|error| config.locate(error))?;
        layers.push(LayerReadout { name: baseline.name.to_owned(), accuracy, untrained: accuracy, chance });
    }
    let mut collect = |stimulus, what| -> Result<Vec<Features>> {
        let pooling = &mut |_| config.probe.pooling;
        let batches = batches(config, stimulus, what, progress)?;
        features(&mut [&mut *trained, &mut untrained], batches, device, pooling)
    };
    let (train_features, test_features) =
        (collect(&train, "features to learn from")?, collect(&test, "features to test on")?);
    let ([train_trained, train_untrained], [test_trained, test_untrained]) =
        (&train_features[..], &test_features[..])
    else {
        return Err(Error::stimulus("read-out", "there are no stimuli"));
    };
    let read_out = |train: &Features, test: &Features, layer: usize| -> Result<f64> {
        let mut random = stream(config.seed, &[purpose::PROBE, layer as u64]);
        accuracy(&config.probe, classes, train.layer(layer)?, test.layer(layer)?, device, &mut random)
            .map_err(|error| config.locate(error))
    };
    let names: Vec<String> = trained.layer_names().into_iter().map(str::to_owned).collect();
    for (layer, name) in names.iter().enumerate() {
        let (what, of) = (format!("layer {name}"), names.len() as f64);
        progress(&what, layer as f64 / of);
        let accuracy = read_out(train_trained, test_trained, layer)?;
        progress(&what, (layer as f64 + 0.5) / of);
        let untrained = read_out(train_untrained, test_untrained, layer)?;
        layers.push(LayerReadout { name: name.clone(), accuracy, untrained, chance });
    }
    if let Some(pooling) = all_layers {
        let mut pooling = |layer: usize| pooling.get(layer).copied().unwrap_or(Pooling::Mean);
        // One network after the other: these features are many.
        let mut all = |network: &mut Network| -> Result<f64> {
            let mut collect = |stimulus| -> Result<Features> {
                let batches = batches(config, stimulus, "all layers side by side", progress)?;
                let of_one = features(&mut [&mut *network], batches, device, &mut pooling)?;
                Ok(of_one.into_iter().next().unwrap_or_default().side_by_side())
            };
            read_out(&collect(&train)?, &collect(&test)?, 0)
        };
        layers.push(LayerReadout {
            name: "all".to_owned(),
            accuracy: all(trained)?,
            untrained: all(&mut untrained)?,
            chance,
        });
    }
    Ok(layers)
}

/// What a read-out learns from and is tested on, and how layers are pooled for the one of all of them.
pub struct Plan {
    train: Arc<dyn Stimulus>,
    test: Arc<dyn Stimulus>,
    classes: usize,
    all_layers: Option<Vec<Pooling>>,
}

/// Finds all that a read-out of `network` needs, without reading it out: so that a long run need not end to show that
/// something is missing.
///
/// # Errors
/// Where there are no labelled stimuli, or their classes differ; where a pooling does not fit a layer.
pub fn plan(experiment: &Experiment, network: &Network) -> Result<Plan> {
    let config = experiment.config();
    let open = |split| -> Result<Arc<dyn Stimulus>> {
        let stimulus = config.stimulus.open(split, config.seed).map_err(|error| config.locate(error))?;
        Ok(Arc::from(stimulus))
    };
    let (train, test) = (open(Split::ReadoutTrain)?, open(Split::ReadoutTest)?);
    let classes = classes(train.as_ref(), test.as_ref())?;
    let maps = network.shapes(train.shape(config.training.batch))?;
    let fits = |key: &str, pooling: &mut dyn FnMut(usize) -> Pooling| {
        maps.iter().enumerate().try_for_each(|(layer, &map)| {
            let refused = |error: Error| {
                let message = format!("layer {}: {error}", layer + 1);
                config.locate(Error::config(key, message))
            };
            RepresentationShape::of(map, pooling(layer)).map(drop).map_err(|error| refused(error.into()))
        })
    };
    fits("probe.pooling", &mut |_| config.probe.pooling)?;
    let all_layers =
        all_layers::poolings(&config.probe.all_layers, network).map_err(|error| config.locate(error))?;
    if let Some(poolings) = &all_layers {
        fits("probe.all_layers", &mut |layer| poolings.get(layer).copied().unwrap_or(Pooling::Mean))?;
    }
    Ok(Plan { train, test, classes, all_layers })
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
            Err(Error::stimulus("read-out", message))
        }
        _ => Err(Error::stimulus("read-out", "needs labelled stimuli, and these have no labels")),
    }
}
