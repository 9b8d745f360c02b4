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
use plasticity_lab::config::Config;
use std::sync::OnceLock;

/// Limits arithmetic to the threads that the config names; they are started once.
pub fn start_threads(config: &Config) -> Result<()> {
    static STARTED: OnceLock<usize> = OnceLock::new();
    let Some(threads) = config.training.threads else { return Ok(()) };
    let refuse = |message: String| Err(Error::config(config.place("training.threads"), message));
    match STARTED.get() {
        Some(started) if *started == threads => Ok(()),
        Some(started) => refuse(format!(
            "is {threads}, and this process computes with {started} already: give all its configs the same number"
        )),
        None => match rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
            Ok(()) => {
                STARTED.get_or_init(|| threads);
                Ok(())
            }
            Err(error) => refuse(format!("{threads} threads cannot be started: {error}")),
        },
    }
}
