//! Options that several subcommands share.

use crate::output;
use crate::threads::start_threads;
use clap::Args;
use plasticity_core::Result;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use std::path::PathBuf;

/// A config on the command line.
#[derive(Clone, Debug, Args)]
pub struct ConfigArguments {
    /// The config, a TOML file
    pub config: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Overrides of a config's keys.
#[derive(Clone, Debug, Default, Args)]
pub struct Overrides {
    /// Override a key, such as training.batch=16 or rule=cpc; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl ConfigArguments {
    /// Reads the config and starts as many threads as it says.
    pub fn load(&self) -> Result<Config> {
        let config = Config::load(&self.config, &self.overrides.set)?;
        start_threads(&config)?;
        Ok(config)
    }
}

/// A config's experiment, for what is measured of its rule alone: where its stimuli's files are absent, noise of their shape
/// stands in, which is said.
pub fn open_or_draw(config: Config) -> Result<Experiment> {
    let (experiment, absent) = Experiment::open_or_draw(config)?;
    if let Some(absent) = absent {
        output::note(&format!(
            "noise of the config's shapes, with 10 classes, stands in for its stimuli, which cannot be read: {absent}"
        ));
    }
    Ok(experiment)
}
