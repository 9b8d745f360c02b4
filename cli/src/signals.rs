//! Signals that ask the program to end. After the first one, the step is finished and saved; the second one ends
//! the program at once.

use crate::exit::Exit;
use plasticity_core::{Error, Result};
#[cfg(unix)]
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The signals that ask the program to end, and its exit status after each. Batch systems send SIGUSR1, SIGUSR2 and SIGXCPU
/// some time before they kill: SLURM with `--signal`, Grid Engine with `-notify` and its time limits.
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

/// Listens for signals from its creation on.
#[derive(Debug, Default)]
pub struct Signals {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens for the signals that ask to end, except those that this process ignores since its start (`nohup`). `mpirun`
    /// passes SIGUSR1 on and waits. After SIGTERM or SIGINT, it gives the ranks only a limited time.
    ///
    /// # Errors
    /// If the system refuses.
    #[cfg(unix)]
    pub fn listen() -> Result<Self> {
        use signal_hook::flag;
        let signals = Self::default();
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        for (signal, exit) in ASK {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // In this order: at the first signal the flag is not set yet.
            let leave = flag::register_conditional_shutdown(signal, exit as i32, Arc::clone(&signals.came));
            leave
                .and_then(|_| flag::register_usize(signal, Arc::clone(&signals.which), signal as usize))
                .and_then(|_| flag::register(signal, Arc::clone(&signals.came)))
                .map_err(|error| Error::stimulus("signals", format!("cannot be caught: {error}")))?;
        }
        Ok(signals)
    }

    /// On other systems, a signal ends the program in the default way.
    #[cfg(not(unix))]
    pub fn listen() -> Result<Self> {
        Ok(Self::default())
    }

    /// Whether a signal has come.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// The exit status after the signal that came.
    pub fn exit(&self) -> Exit {
        let which = self.which.load(Ordering::Relaxed);
        let asked = ASK.into_iter().find(|(signal, _)| usize::try_from(*signal) == Ok(which));
        asked.map_or(Exit::Interrupted, |(_, exit)| exit)
    }
}

/// If an allocation fails that was not checked before, Rust prints a message and aborts. With this, the program
/// then ends with the exit status of a failure, as it does after a failed check of memory.
///
/// # Errors
/// If the system refuses.
#[cfg(unix)]
pub fn fail_without_memory() -> Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGABRT, Exit::Failure as i32, always)
        .map(drop)
        .map_err(|error| Error::stimulus("signals", format!("cannot be caught: {error}")))
}

/// On other systems, nothing changes an abort.
#[cfg(not(unix))]
pub fn fail_without_memory() -> Result<()> {
    Ok(())
}

/// The signals that a process ignores, as bits, from Linux's `/proc/self/status`; none if it does not state them.
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
