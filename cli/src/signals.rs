//! Signals that ask the program to end: the first one lets the step be finished and saved, the second one leaves at once.

use crate::exit::Exit;
use plasticity_core::{Error, Result};
#[cfg(unix)]
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Those that ask to end, and how the program ends after each. Batch systems send SIGUSR1, SIGUSR2 and SIGXCPU some time before
/// they kill: SLURM as `--signal` says, Grid Engine as `-notify` and its limits of time say.
#[cfg(unix)]
const ASK: [(i32, Exit); 6] = [
    (SIGHUP, Exit::Hangup),
    (SIGINT, Exit::Interrupted),
    (SIGTERM, Exit::Terminated),
    (SIGUSR1, Exit::User1),
    (SIGUSR2, Exit::User2),
    (SIGXCPU, Exit::OutOfTime),
];
#[cfg(not(unix))]
const ASK: [(i32, Exit); 0] = [];

/// Listens from when it is made.
#[derive(Debug, Default)]
pub struct Signals {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens for those that ask to end, but for the ones that this process was started to ignore (`nohup`).
    ///
    /// # Errors
    /// Where the system refuses.
    #[cfg(unix)]
    pub fn listen() -> Result<Self> {
        use signal_hook::flag;
        let signals = Self::default();
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        for (signal, exit) in ASK {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // In this order: the first signal finds the flag as it was.
            let leave = flag::register_conditional_shutdown(signal, exit as i32, Arc::clone(&signals.came));
            leave
                .and_then(|_| flag::register_usize(signal, Arc::clone(&signals.which), signal as usize))
                .and_then(|_| flag::register(signal, Arc::clone(&signals.came)))
                .map_err(|error| Error::stimulus("signals", format!("cannot be listened for: {error}")))?;
        }
        Ok(signals)
    }

    /// On other systems the program ends as the system has it.
    #[cfg(not(unix))]
    pub fn listen() -> Result<Self> {
        Ok(Self::default())
    }

    /// Whether one has come.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// How the program ends after the one that came.
    pub fn exit(&self) -> Exit {
        let which = self.which.load(Ordering::Relaxed);
        let asked = ASK.into_iter().find(|(signal, _)| usize::try_from(*signal) == Ok(which));
        asked.map_or(Exit::Interrupted, |(_, exit)| exit)
    }
}

/// Where an allocation fails that nothing asked for beforehand, Rust says so and aborts: the program then ends with the exit
/// status of a failure, as it does where one that was asked for is refused.
///
/// # Errors
/// Where the system refuses.
#[cfg(unix)]
pub fn fail_without_memory() -> Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGABRT, Exit::Failure as i32, always)
        .map(drop)
        .map_err(|error| Error::stimulus("signals", format!("cannot be listened for: {error}")))
}

/// On other systems an abort is one.
#[cfg(not(unix))]
pub fn fail_without_memory() -> Result<()> {
    Ok(())
}

/// The signals that a process ignores, bit by bit, from Linux's `/proc/self/status`; none where it does not say.
#[cfg(unix)]
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_those_of_the_mask() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status) & (1 << (SIGHUP - 1)), 1);
        assert_eq!(ignored(status) & (1 << (SIGTERM - 1)), 0);
        assert_eq!(ignored("no such line"), 0);
    }
}
