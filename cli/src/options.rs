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
    /// The config (a TOML file)
    pub config: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Overrides of a config's keys.
#[derive(Clone, Debug, Default, Args)]
pub struct Overrides {
    /// Override a key of the config, such as training.batch=16 or rule=cpc; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl ConfigArguments {
    /// Reads the config and starts its number of threads.
    pub fn load(&self) -> Result<Config> {
        let config = Config::load(&self.config, &self.overrides.set)?;
        start_threads(&config)?;
        Ok(config)
    }
}

/// A config's experiment for measurements of its rule. If the files of its stimuli are absent, the experiment uses noise of the same
/// shape and prints a note.
pub fn open_or_draw(config: Config) -> Result<Experiment> {
    let (experiment, absent) = Experiment::open_or_draw(config)?;
    if let Some(absent) = absent {
        output::note(&format!(
            "the stimuli cannot be read ({absent}); using noise of the same shape with 10 classes"
        ));
    }
    Ok(experiment)
}
