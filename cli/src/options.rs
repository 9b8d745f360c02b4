//! Options that several subcommands share.

use crate::threads::start_threads;
use clap::Args;
use plasticity_core::Result;
use plasticity_lab::config::Config;
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
