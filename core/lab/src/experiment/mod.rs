//! An experiment: a config with its open stimuli, ready to build its network.

mod data;
mod drawn;

use crate::config::Config;
use crate::loader::{Loader, Pass, ahead, steps_per_epoch};
use crate::memory::{self, Memory};
use crate::network::{Network, NetworkPlan, suits};
use crate::ranks::Shard;
use drawn::Drawn;
use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_core::plasticity::Each;
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_core::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// A config with its stimuli for learning.
pub struct Experiment {
    config: Config,
    modules: Vec<Range<usize>>,
    stimulus: Arc<dyn Stimulus>,
    ranks: usize,
}

impl Experiment {
    /// Opens the stimuli for learning.
    ///
    /// # Errors
    /// If they are missing, or the rule needs labels, or several views, that they do not have.
    pub fn open(config: Config) -> Result<Self> {
        let stimulus = config.open_stimulus(Split::Learn)?;
        Self::on(config, Arc::from(stimulus))
    }

    /// Opens the stimuli for learning, or uses noise of their shape if they cannot be read. Then it also returns the
    /// error.
    ///
    /// # Errors
    /// If the config is wrong, or does not determine the shape of the stimuli.
    pub fn open_or_draw(config: Config) -> Result<(Self, Option<Error>)> {
        let absent = match config.open_stimulus(Split::Learn) {
            Ok(stimulus) => return Ok((Self::on(config, Arc::from(stimulus))?, None)),
            Err(wrong @ Error::Config { .. }) => return Err(wrong),
            Err(absent) => absent,
        };
        let outline = config.stimulus.outline().map_err(|error| config.locate(error.under("stimulus")))?;
        let Some(outline) = outline else { return Err(absent) };
        let drawn = Drawn { outline, seed: config.seed };
        Ok((Self::on(config, Arc::new(drawn))?, Some(absent)))
    }

    fn on(config: Config, stimulus: Arc<dyn Stimulus>) -> Result<Self> {
        let modules = config.modules()?;
        if stimulus.is_empty() {
            return Err(Error::config(config.place("stimulus"), "there are no stimuli to learn from"));
        }
        let classes = stimulus.classes().map(|classes| classes.len());
        suits(config.rule.as_ref(), classes, stimulus.shape(1)).map_err(|error| config.locate(error))?;
        let presented = config.rule.demands().check_presentations(config.training.presentations);
        presented.map_err(|error| config.locate(error))?;
        Ok(Self { config, modules, stimulus, ranks: 1 })
    }

    /// The same as one of this many ranks, which share each batch, so that each needs memory only for its part.
    #[must_use]
    pub fn among(self, ranks: usize) -> Self {
        Self { ranks: ranks.max(1), ..self }
    }

    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The stimuli for learning.
    pub fn stimulus(&self) -> &Arc<dyn Stimulus> {
        &self.stimulus
    }

    /// The encoder's input for a full batch.
    pub fn input(&self) -> MapShape {
        self.stimulus.shape(self.config.training.batch)
    }

    /// Steps of one epoch.
    ///
    /// # Errors
    /// If there are fewer stimuli than a batch needs.
    pub fn steps_per_epoch(&self) -> Result<u64> {
        let training = &self.config.training;
        steps_per_epoch(self.stimulus.len(), training.batch, training.presentations)
            .map_err(|error| self.config.locate(error))
    }

    /// Checks that the decay of every module's rate has steps.
    ///
    /// # Errors
    /// As [`steps_per_epoch`](Self::steps_per_epoch), and if a schedule's decay ends with its warm-up.
    pub fn check_schedule(&self) -> Result<()> {
        let per_epoch = self.steps_per_epoch()?;
        let Some(schedule) = &self.config.training.schedule else { return Ok(()) };
        schedule.values().iter().enumerate().try_for_each(|(module, one)| {
            let key = match schedule {
                Each::Same(_) => "training.schedule".to_owned(),
                Each::Each(_) => format!("training.schedule.{module}"),
            };
            one.check(&key, per_epoch).map_err(|error| self.config.locate(error))
        })
    }

    /// The network with its initial weights, always the same for a seed. From now on, the device has the config's
    /// precision.
    ///
    /// # Errors
    /// If a layer or module cannot be built (the error names it and the reason), the device does not have the
    /// config's precision, or there is not enough memory.
    pub fn network(&self, device: &Device) -> Result<Network> {
        let remedy = "lower training.batch, or use fewer or smaller layers (encoder.widths)";
        self.memory(device)?.check(memory::limit(), remedy)?;
        self.set_precision(device)?;
        let mut network = Network::build(&self.plan(), device).map_err(|error| self.config.locate(error))?;
        if let Some(rates) = &self.config.training.layer_rates {
            network.set_layer_rates(rates).map_err(|error| self.config.locate(error))?;
        }
        Ok(network)
    }

    /// Gives the device the config's precision. Networks on one device share it, so this is needed before a network
    /// computes if another was opened after it.
    ///
    /// # Errors
    /// If the device does not have it.
    pub fn set_precision(&self, device: &Device) -> Result<()> {
        let precision = self.config.training.precision.unwrap_or(device.default_precision());
        device
            .set_precision(precision)
            .map_err(|error| Error::config(self.config.place("training.precision"), error.to_string()))
    }

    /// A lower bound of this rank's memory for learning, computed before anything is allocated: the network with its
    /// optimisers, and its parts of the batches made ahead.
    ///
    /// # Errors
    /// If a layer cannot work on its input.
    pub fn memory(&self, device: &Device) -> Result<Memory> {
        let input = self.stimulus.shape(self.config.training.batch.div_ceil(self.ranks));
        let plan = NetworkPlan { input, ..self.plan() };
        let of_network = memory::sized(&plan, device).map(|mut sized| Memory::of_network(&mut sized, &plan));
        let training = &self.config.training;
        let batches = steps_per_epoch(self.stimulus.len(), training.batch, training.presentations)
            .map_or(u64::MAX, |per_epoch| training.total_steps(per_epoch));
        let ahead = ahead(training.threads, batches);
        let ahead = memory::values(&input).saturating_mul(ahead);
        Ok(of_network.transpose()?.unwrap_or_default().with("batches made ahead", ahead))
    }

    fn plan(&self) -> NetworkPlan<'_> {
        NetworkPlan {
            layers: &self.config.encoder.layers,
            modules: &self.modules,
            rule: self.config.rule.as_ref(),
            optimiser: self.config.training.optimiser.clone(),
            module_rates: self.config.training.module_rates.as_deref(),
            input: self.input(),
            classes: self.stimulus.classes().map(|classes| classes.len()),
            seed: self.config.seed,
        }
    }

    /// A hash of the stimuli for learning: if it differs, the stimuli differ.
    pub fn data_fingerprint(&self) -> String {
        let spec = self.config.stimulus_table();
        data::fingerprint(self.stimulus.as_ref(), &spec)
    }

    /// The batches of the steps `steps`, for learning.
    ///
    /// # Errors
    /// If no batch can be made.
    pub fn loader(&self, steps: Range<u64>) -> Result<Loader> {
        self.loader_of(steps, Shard::WHOLE)
    }

    /// A shard of the batches of the steps `steps`, for learning.
    ///
    /// # Errors
    /// If no batch can be made.
    pub fn loader_of(&self, steps: Range<u64>, shard: Shard) -> Result<Loader> {
        let training = &self.config.training;
        let (seed, presentations) = (self.config.seed, training.presentations);
        let pass = Pass::Learn { seed, steps, shard, presentations };
        Loader::new(Arc::clone(&self.stimulus), pass, training.batch, training.threads)
            .map_err(|error| self.config.locate(error))
    }
}
