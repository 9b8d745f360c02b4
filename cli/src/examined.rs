//! A run whose trained and untrained networks have seen stimuli: the input of `analyse` and `report`.

use crate::loaded::Loaded;
use crate::progress::ProbeProgress;
use plasticity_core::device::Device;
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use plasticity_lab::analysis::{Gram, LayerSummary, PredictionAlignment, Seen, Subset, prediction_alignment};
use plasticity_lab::analysis::{summary, survey};
use plasticity_lab::network::State;
use std::path::PathBuf;
use std::sync::Arc;

/// The largest number of rows of features, if each stimulus has many (speech: a row for each frame).
const ROWS: usize = 4096;

/// A run, and the activity of its networks for labelled stimuli.
pub struct Examined {
    /// The run.
    pub loaded: Loaded,
    /// The stimuli that test a probe, or some of them if there are many.
    pub stimuli: Arc<dyn Stimulus>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The activity of the trained network.
    pub trained: Look,
    /// The activity of the untrained network.
    pub untrained: Look,
    /// Alignment of W_pred with W_retroᵀ of every module, at the start and at every saved checkpoint.
    pub alignment: Vec<(u64, Vec<PredictionAlignment>)>,
    /// Steps and states of the run, from the weights on from which training started.
    pub states: Vec<(u64, State)>,
    /// The state of the untrained network.
    pub fresh: State,
}

/// The activity of one network for stimuli.
pub struct Look {
    /// Features and driving pieces.
    pub seen: Seen,
    /// Measures of every layer.
    pub layers: Vec<LayerSummary>,
    /// Gram matrices of every layer.
    pub grams: Vec<Gram>,
}

/// The extent of an analysis.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The largest number of stimuli.
    pub stimuli: usize,
    /// Places that are kept for each neuron.
    pub drivers: usize,
}

impl Examined {
    /// The state at the run's checkpoint.
    pub fn state(&self) -> &State {
        &self.loaded.stored.checkpoint.state
    }

    /// Whether the network was trained in this run.
    pub fn learned(&self) -> bool {
        self.loaded.step() > 0 && self.loaded.trained.learns()
    }

    /// Opens runs and shows the stimuli of the first run to all their networks (stimuli that are made from a
    /// seed differ between seeds). All checks are made before any stimulus is shown.
    ///
    /// # Errors
    /// As [`Loaded::open`]; also if the stimuli have no labels, or runs cannot be compared layer by layer.
    pub fn all(folders: &[PathBuf], set: &[String], extent: Extent, device: &Device) -> Result<Vec<Self>> {
        let loaded =
            folders.iter().map(|folder| Loaded::open(folder, set, device)).collect::<Result<Vec<_>>>()?;
        comparable(&loaded)?;
        let Some(first) = loaded.first() else { return Ok(Vec::new()) };
        let (whole, classes) = first.labelled(Split::ProbeTest)?;
        let stimuli = some(whole, extent.stimuli)?;
        let examine = |mut loaded: Loaded| {
            let [trained, untrained] = looks(&mut loaded, &stimuli, &classes, extent.drivers, device)?;
            let (states, fresh) = (loaded.states()?, loaded.untrained.state()?);
            let alignment = states.iter().map(|(step, state)| (*step, prediction_alignment(state))).collect();
            let (stimuli, classes) = (Arc::clone(&stimuli), classes.clone());
            Ok(Self { loaded, stimuli, classes, trained, untrained, alignment, states, fresh })
        };
        loaded.into_iter().map(examine).collect()
    }

    /// How many layers.
    pub fn layers(&self) -> usize {
        self.trained.layers.len()
    }
}

/// At most `most` stimuli spread over a split: fewer if each has many rows.
pub fn some(whole: Arc<dyn Stimulus>, most: usize) -> Result<Arc<dyn Stimulus>> {
    let rows = match whole.is_empty() {
        true => 1,
        false => match whole.sample(0, None)?.label {
            plasticity_core::stimulus::Label::Frames(frames) => frames.len().max(1),
            _ => 1,
        },
    };
    let most = if rows == 1 { most } else { most.min((ROWS / rows).max(16)) };
    Ok(Arc::new(Subset::new(whole, most)))
}

fn looks(
    loaded: &mut Loaded,
    stimuli: &Arc<dyn Stimulus>,
    classes: &[String],
    drivers: usize,
    device: &Device,
) -> Result<[Look; 2]> {
    let mut shown = ProbeProgress::new();
    let Loaded { experiment, trained, untrained, .. } = loaded;
    experiment.set_precision(device)?;
    let training = &experiment.config().training;
    let sizes = (training.batch, training.threads);
    let mut progress = |share: f64| shown.show("features", share);
    let seen = survey(&mut [trained, untrained], stimuli, sizes, device, drivers, &mut progress)
        .map_err(|error| experiment.config().locate(error))?;
    let look = |seen: Seen| -> Result<Look> {
        let (layers, grams) = summary(&seen.features, classes.len(), device)?;
        Ok(Look { seen, layers, grams })
    };
    let mut seen = seen.into_iter();
    match (seen.next(), seen.next()) {
        (Some(trained), Some(untrained)) => Ok([look(trained)?, look(untrained)?]),
        _ => Err(Error::shape("survey", "has seen no network")),
    }
}

/// Refuses runs that cannot be compared layer by layer: with different numbers of layers or different stimuli.
fn comparable(runs: &[Loaded]) -> Result<()> {
    let Some(first) = runs.first() else { return Ok(()) };
    let (of, to) = (first.trained.layer_names().len(), first.folder.display());
    for other in runs.iter().skip(1) {
        let layers = other.trained.layer_names().len();
        if layers != of {
            let message = format!(
                "has {layers} layers, and {to} has {of}: all runs must have the same number of \
                                   layers"
            );
            return Err(Error::file(&other.folder, message));
        }
        if other.config().other_stimuli(first.config())? {
            let message = format!("has other stimuli than {to}: all runs must have the same stimuli");
            return Err(Error::file(&other.folder, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_lab::config::{Config, Document};

    #[test]
    fn as_many_images_are_looked_at_as_were_asked_for() {
        let text = include_str!("commands/demo.toml").replace("test = 512", "test = 5000");
        let config = Config::from_document(Document::parse(&text, "demo.toml").unwrap()).unwrap();
        let whole: Arc<dyn Stimulus> = Arc::from(config.stimulus.open(Split::ProbeTest, 1).unwrap());
        assert_eq!(whole.len(), 5000);
        assert_eq!(some(Arc::clone(&whole), 4500).unwrap().len(), 4500);
        assert_eq!(some(whole, 9000).unwrap().len(), 5000);
    }
}
