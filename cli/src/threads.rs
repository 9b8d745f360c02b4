//! Threads for arithmetic. They are started once, before anything is computed.

use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::loader::most_threads;
use plasticity_lab::ranks::on_this_machine;
use rayon::ThreadPoolBuilder;
use std::error::Error as _;
use std::sync::OnceLock;

/// The number of threads from the config.
static STARTED: OnceLock<usize> = OnceLock::new();

/// Starts as many threads as the config names, but no more than [`most_threads`], or one for each core.
///
/// # Errors
/// If no thread can be started, or this process already computes with another number.
pub fn start_threads(config: &Config) -> Result<()> {
    let Some(threads) = config.training.threads.map(|threads| threads.min(most_threads())) else {
        return start_default_threads();
    };
    let refuse = |message: String| Err(Error::config(config.place("training.threads"), message));
    match STARTED.get() {
        Some(started) if *started == threads => Ok(()),
        Some(started) => refuse(format!(
            "is {threads}, but this process already uses {started} threads: give all configs the same number"
        )),
        None => match ThreadPoolBuilder::new().num_threads(threads).build_global() {
            Ok(()) => {
                STARTED.get_or_init(|| threads);
                Ok(())
            }
            Err(error) => refuse(format!("{threads} threads cannot be started: {error}")),
        },
    }
}

/// The threads of one rank, if several ranks on this machine are not bound to separate cores: an equal
/// part of the cores. 0 means one for each core that this process may use.
fn of_rank() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let all = info.lines().filter(|line| line.starts_with("processor")).count();
    match on_this_machine() {
        Some(ranks) if ranks > 1 && cores == all => (cores / ranks).max(1),
        _ => 0,
    }
}

/// Starts one thread for each core, if none are started yet. Otherwise the first arithmetic would start
/// them, and it cannot return an error.
///
/// # Errors
/// If no thread can be started.
pub fn start_default_threads() -> Result<()> {
    if STARTED.get().is_some() {
        return Ok(());
    }
    // An error without a cause means that threads were started before, by a program that links this one.
    match ThreadPoolBuilder::new().num_threads(of_rank()).build_global() {
        Err(error) if error.source().is_some() => {
            let message = format!(
                "no thread can be started ({error}): raise the limit of processes (ulimit -u) or of memory, or \
                 end other processes"
            );
            Err(Error::stimulus("threads", message))
        }
        _ => {
            STARTED.get_or_init(rayon::current_num_threads);
            Ok(())
        }
    }
}
