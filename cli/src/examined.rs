//! A run whose networks, trained and untrained, have seen stimuli: what `analyse` and `report` start from.

use crate::loaded::Loaded;
use crate::progress::ReadoutProgress;
use plasticity_core::device::Device;
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use plasticity_lab::analysis::{Gram, LayerSummary, PredictionAlignment, Seen, Subset, prediction_alignment};
use plasticity_lab::analysis::{summary, survey};
use plasticity_lab::network::State;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of features that are looked at, at most, where each stimulus has many: speech, with a row for each frame.
const ROWS: usize = 4096;

/// A run and what its networks make of labelled stimuli.
pub struct Examined {
    /// The run.
    pub loaded: Loaded,
    /// The stimuli, which a probe is tested on: some of them where there are many.
    pub stimuli: Arc<dyn Stimulus>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// What the trained network makes of them.
    pub trained: Look,
    /// What the untrained one makes of them.
    pub untrained: Look,
    /// Alignment of W_pred with W_retroᵀ of every module, at the start and at every checkpoint that is kept.
    pub alignment: Vec<(u64, Vec<PredictionAlignment>)>,
    /// Steps and states of the run, from the untrained network on.
    pub states: Vec<(u64, State)>,
}

/// What one network makes of stimuli.
pub struct Look {
    /// Features and driving pieces.
    pub seen: Seen,
    /// Numbers of every layer.
    pub layers: Vec<LayerSummary>,
    /// Gram matrices of every layer.
    pub grams: Vec<Gram>,
}

/// How much of a run is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Stimuli, at most.
    pub stimuli: usize,
    /// Places that are kept of each neuron.
    pub drivers: usize,
}

impl Examined {
    /// Opens runs and shows the same stimuli, those of the first, to all their networks: stimuli that are made from a seed
    /// differ from one seed to the next. What can be refused is refused before any is shown.
    ///
    /// # Errors
    /// As [`Loaded::open`]; where the stimuli have no labels, or runs cannot be compared layer by layer.
    pub fn all(folders: &[PathBuf], set: &[String], extent: Extent, device: &Device) -> Result<Vec<Self>> {
        let loaded =
            folders.iter().map(|folder| Loaded::open(folder, set, device)).collect::<Result<Vec<_>>>()?;
        comparable(&loaded)?;
        let Some(first) = loaded.first() else { return Ok(Vec::new()) };
        let (whole, classes) = first.labelled(Split::ReadoutTest)?;
        let stimuli = some(whole, extent.stimuli)?;
        let examine = |mut loaded: Loaded| {
            let [trained, untrained] = looks(&mut loaded, &stimuli, &classes, extent.drivers, device)?;
            let states = loaded.states()?;
            let alignment = states.iter().map(|(step, state)| (*step, prediction_alignment(state))).collect();
            let (stimuli, classes) = (Arc::clone(&stimuli), classes.clone());
            Ok(Self { loaded, stimuli, classes, trained, untrained, alignment, states })
        };
        loaded.into_iter().map(examine).collect()
    }

    /// How many layers.
    pub fn layers(&self) -> usize {
        self.trained.layers.len()
    }
}

/// At most `most` stimuli of a split, evenly spaced: fewer where each has many rows.
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
    let mut shown = ReadoutProgress::new();
    let Loaded { experiment, trained, untrained, .. } = loaded;
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

/// Refuses runs that cannot be compared layer by layer: of other numbers of layers, or on other stimuli.
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
        let whole: Arc<dyn Stimulus> = Arc::from(config.stimulus.open(Split::ReadoutTest, 1).unwrap());
        assert_eq!(whole.len(), 5000);
        assert_eq!(some(Arc::clone(&whole), 4500).unwrap().len(), 4500);
        assert_eq!(some(whole, 9000).unwrap().len(), 5000);
    }
}
