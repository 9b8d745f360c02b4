//! A run from its folder, for analysis: its trained network and its untrained network.

use crate::output;
use crate::threads::start_threads;
use plasticity_core::device::Device;
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use plasticity_lab::checkpoint::Unusable;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::{Network, State};
use plasticity_lab::run::{self, Stored};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run and its networks.
pub struct Loaded {
    /// Its folder.
    pub folder: PathBuf,
    /// Its config and stimuli.
    pub experiment: Experiment,
    /// Its last intact checkpoint.
    pub stored: Stored,
    /// The network of that checkpoint.
    pub trained: Network,
    /// The network with its initial weights.
    pub untrained: Network,
}

impl Loaded {
    /// Opens the run in a folder at its last checkpoint.
    ///
    /// # Errors
    /// If the folder is not a run, the run has no checkpoint, or its stimuli are missing.
    pub fn open(folder: &Path, set: &[String], device: &Device) -> Result<Self> {
        let config = run::config(folder, set)?;
        let stored = run::last_checkpoint(folder)?.ok_or_else(|| {
            Error::file(
                folder,
                "has no checkpoint yet: train the run first, or wait for its first checkpoint",
            )
        })?;
        stored.check(&config)?;
        start_threads(&config)?;
        let experiment = Experiment::open(config)?;
        let (mut trained, untrained) = (experiment.network(device)?, experiment.network(device)?);
        trained.restore(&stored.checkpoint.state).map_err(|error| stored.locate(error))?;
        Ok(Self { folder: folder.to_owned(), experiment, stored, trained, untrained })
    }

    /// Its config.
    pub fn config(&self) -> &Config {
        self.experiment.config()
    }

    /// Number of training steps at its checkpoint.
    pub fn step(&self) -> u64 {
        self.stored.checkpoint.step
    }

    /// Labelled stimuli that train or test a probe, with the names of their classes.
    ///
    /// # Errors
    /// If there are none, or they have no labels.
    pub fn labelled(&self, split: Split) -> Result<(Arc<dyn Stimulus>, Vec<String>)> {
        let config = self.config();
        let opened = config.open_stimulus(split)?;
        match opened.classes().filter(|classes| !classes.is_empty()) {
            Some(classes) => Ok((Arc::from(opened), classes)),
            None => {
                let message = "these stimuli have no labels: add labelled stimuli to the config, as the \
                               reference of the source says (images: [stimulus.labelled])";
                Err(Error::stimulus(config.place("stimulus"), message))
            }
        }
    }

    /// Steps and states of the run: the weights from which training started, then the saved checkpoints. A warning says
    /// if a damaged checkpoint is left out, or the start because the weights of `training.init` can no longer be read.
    ///
    /// # Errors
    /// If a checkpoint cannot be read now.
    pub fn states(&self) -> Result<Vec<(u64, State)>> {
        let mut states = Vec::new();
        let checkpoints = run::checkpoints(&self.folder)?;
        for (step, path) in checkpoints.iter().filter(|(step, _)| *step <= self.step()) {
            states.extend(intact(path)?.map(|stored| (*step, stored.checkpoint.state)));
        }
        // Weights from elsewhere are a checkpoint of step 0. If it is damaged, the start is not known.
        if checkpoints.first().is_none_or(|(first, _)| *first > 0) {
            match self.start() {
                Ok(start) => states.insert(0, (0, start)),
                Err(error) if self.config().training.init.is_some() => {
                    output::note(&format!("warning: {error}: the start of the run is not shown"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(states)
    }

    /// The weights that a new run of the config starts from: those of the seed, or of `training.init`.
    fn start(&self) -> Result<State> {
        let mut network = self.experiment.network(self.untrained.device())?;
        run::start_from_init(&self.experiment, &mut network)?;
        network.state()
    }
}

/// A saved checkpoint, or `None` and a warning if it is damaged.
///
/// # Errors
/// If it cannot be read now.
pub fn intact(path: &Path) -> Result<Option<Stored>> {
    match Stored::read(path) {
        Ok(stored) => Ok(Some(stored)),
        Err(Unusable::Refused(error)) => Err(error),
        Err(Unusable::Broken(error)) => {
            output::note(&format!("warning: {error}: this checkpoint is skipped"));
            Ok(None)
        }
    }
}
