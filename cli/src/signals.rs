//! Signals that ask the program to end. In training, the first one finishes the step and saves it; the second one
//! ends the program at once. Before training and after [`Signals::rest`] they end it in the default way.

use crate::exit::Exit;
use plasticity_core::{Error, Result};
#[cfg(unix)]
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
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

/// What the handlers of the process read and set.
#[derive(Clone, Debug, Default)]
struct Flags {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
    /// Whether nobody reads `came`.
    idle: Arc<AtomicBool>,
}

/// The handlers stay until the process ends: without them, a signal would be ignored.
#[cfg(unix)]
static OF_PROCESS: OnceLock<Flags> = OnceLock::new();

/// Listens for signals from its creation on.
#[derive(Debug, Default)]
pub struct Signals(Flags);

impl Signals {
    /// Listens for the signals that ask to end, except those that this process ignores since its start (`nohup`). `mpirun`
    /// passes SIGUSR1 on and waits. After SIGTERM or SIGINT, it gives the ranks only a limited time.
    ///
    /// # Errors
    /// If the system refuses.
    #[cfg(unix)]
    pub fn listen() -> Result<Self> {
        let flags = match OF_PROCESS.get() {
            Some(flags) => flags,
            None => {
                let flags = Self::register()?;
                OF_PROCESS.get_or_init(|| flags)
            }
        };
        flags.idle.store(false, Ordering::SeqCst);
        Ok(Self(flags.clone()))
    }

    #[cfg(unix)]
    fn register() -> Result<Flags> {
        use signal_hook::flag;
        let flags = Flags::default();
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        for (signal, exit) in ASK {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // In this order: at the first signal the flag is not set yet.
            flag::register_conditional_default(signal, Arc::clone(&flags.idle))
                .and_then(|_| {
                    flag::register_conditional_shutdown(signal, exit as i32, Arc::clone(&flags.came))
                })
                .and_then(|_| flag::register_usize(signal, Arc::clone(&flags.which), signal as usize))
                .and_then(|_| flag::register(signal, Arc::clone(&flags.came)))
                .map_err(|error| Error::stimulus("signals", format!("cannot be caught: {error}")))?;
        }
        Ok(flags)
    }

    /// On other systems, a signal ends the program in the default way.
    #[cfg(not(unix))]
    pub fn listen() -> Result<Self> {
        Ok(Self::default())
    }

    /// From now on, until the next [`listen`](Self::listen), signals end the program in the default way.
    pub fn rest() {
        #[cfg(unix)]
        if let Some(flags) = OF_PROCESS.get() {
            flags.idle.store(true, Ordering::SeqCst);
        }
    }

    /// Whether a signal has come.
    pub fn came(&self) -> bool {
        self.0.came.load(Ordering::Relaxed)
    }

    /// The exit status after the signal that came.
    pub fn exit(&self) -> Exit {
        let which = self.0.which.load(Ordering::Relaxed);
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
