//! How the program ends.

use plasticity_core::Error;
use std::process::ExitCode;

/// The exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Success = 0,
    /// A file, the stimuli or the device cannot be used, or a check failed.
    Failure = 1,
    /// The command line is not valid.
    Usage = 2,
    /// The config is not valid, or an argument names a plugin, layer or tensor that does not exist.
    Config = 3,
    /// Training diverged: a value is not finite.
    Diverged = 4,
    /// The terminal was closed (SIGHUP); finished work is saved.
    Hangup = 129,
    /// Interrupted from the keyboard (SIGINT); finished work is saved.
    Interrupted = 130,
    /// Asked to end by a batch system (SIGUSR1); finished work is saved.
    User1 = 138,
    /// Asked to end by a batch system (SIGUSR2); finished work is saved.
    User2 = 140,
    /// Asked to end (SIGTERM); finished work is saved.
    Terminated = 143,
    /// Out of processor time (SIGXCPU); finished work is saved.
    OutOfTime = 152,
}

impl Exit {
    /// The exit status that belongs to an error.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Config { .. } => Self::Config,
            Error::Diverged { .. } => Self::Diverged,
            _ => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
