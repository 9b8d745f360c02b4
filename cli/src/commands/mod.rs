//! The subcommands, one a file: each has its arguments and what it does.

pub mod alignment;
pub mod audit;
pub mod bench;
pub mod compare;
pub mod data;
pub mod demo;
pub mod list;
pub mod new_rule;
pub mod probe;
pub mod train;
pub mod verify;

use plasticity_core::Error;
use plasticity_core::Result;
use plasticity_core::config::Config;

/// Limits arithmetic to the threads that the config names. The first call of a process counts.
fn start_threads(config: &Config) -> Result<()> {
    if let Some(threads) = config.training.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        if let Err(error) = pool.build_global()
            && rayon::current_num_threads() != threads
        {
            return Err(Error::config(config.place("training.threads"), error.to_string()));
        }
    }
    Ok(())
}
