//! Probes of layers during training, on a part of the labelled stimuli.

use crate::analysis::Subset;
use crate::config::ProbeConfig;
use crate::experiment::Experiment;
use crate::loader::{Loader, Pass};
use crate::probe::{Features, ProbeKind, Task, accuracy, features};
use crate::training::Trainer;
use plasticity_core::observer::Moment;
use plasticity_core::random::{purpose, stream};
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// The largest number of passes over this part of the stimuli.
const PASSES: u64 = 50;
/// The approximate number of steps of a probe's training: with frames, few stimuli give many rows.
const STEPS: u64 = 1000;

/// The stimuli of the probes.
pub struct Along<'a> {
    experiment: &'a Experiment,
    classes: usize,
    train: Arc<dyn Stimulus>,
    test: Arc<dyn Stimulus>,
}

impl<'a> Along<'a> {
    /// Takes stimuli spread over those that train and test the probe.
    ///
    /// # Errors
    /// If there are no labelled stimuli.
    pub fn new(experiment: &'a Experiment) -> Result<Self> {
        let config = experiment.config();
        let part = |split, most: usize| -> Result<Arc<dyn Stimulus>> {
            let of = config.open_stimulus(split)?;
            Ok(Arc::new(Subset::new(of.into(), most)))
        };
        let most = config.probe.every_stimuli;
        let (train, test) = (part(Split::ProbeTrain, most)?, part(Split::ProbeTest, most.div_ceil(2))?);
        let classes = match (train.classes(), test.classes()) {
            (Some(classes), Some(_)) if !train.is_empty() && !test.is_empty() => classes.len(),
            _ => {
                let message = "needs labelled stimuli, but these have no labels";
                return Err(Error::config(config.place("probe.every"), message));
            }
        };
        Ok(Self { experiment, classes, train, test })
    }

    /// Measures the accuracy of every probed layer, in percent of the test stimuli: `probe/layer_1/raw`.
    ///
    /// # Errors
    /// If a stimulus cannot be made, or the network has diverged.
    pub fn probe(&self, moment: &Moment<Trainer>) -> Result<()> {
        let config = self.experiment.config();
        let mut trainer = moment.network();
        let network = trainer.network_mut();
        let device = network.device().clone();
        let names: Vec<String> = network.layer_names().into_iter().map(str::to_owned).collect();
        let wanted = wanted(&config.probe, names.len());
        let mut of = |stimulus: &Arc<dyn Stimulus>| -> Result<Features> {
            let (batch, threads) = (config.training.batch, config.training.threads);
            let batches = Loader::new(Arc::clone(stimulus), Pass::Evaluate, batch, threads)?;
            let pooling = config.probe.pooling;
            features(network, batches, &device, Some(&wanted), &mut |_| pooling)
        };
        let (train, test) = (of(&self.train)?, of(&self.test)?);
        drop(trainer);
        for &layer in &wanted {
            for &kind in config.probe.protocol.probes() {
                let (train, test) = (train.layer(layer)?, test.layer(layer)?);
                if train.values.iter().chain(test.values).any(|value| !value.is_finite()) {
                    let place = format!("step {}, layer {}", moment.step, names[layer]);
                    return Err(Error::diverged(place, "its activity is not finite"));
                }
                let mut settings = config.probe.settings(kind);
                let per_pass = train.labels.len().div_ceil(settings.batch).max(1) as u64;
                settings.epochs = settings.epochs.min(PASSES).min((STEPS / per_pass).max(1));
                let mut random = stream(config.seed, &[purpose::PROBE, layer as u64]);
                let task = Task { classes: self.classes, train: &[train], held_out: &[], test };
                let found = accuracy(&settings, &task, &device, &mut random);
                let found = found.map_err(|error| config.locate(error))?;
                moment.measure(name(&names[layer], kind), found.accuracy);
            }
        }
        Ok(())
    }
}

/// The name of a layer's accuracy.
fn name(layer: &str, kind: ProbeKind) -> String {
    format!("probe/layer_{layer}/{}", kind.name())
}

/// The probed layers, from 0.
fn wanted(config: &ProbeConfig, layers: usize) -> Vec<usize> {
    (0..layers).filter(|layer| config.layers.as_ref().is_none_or(|own| own.contains(&(layer + 1)))).collect()
}
