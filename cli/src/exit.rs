//! How the program ends.

use plasticity_core::Error;
use std::process::ExitCode;

/// The exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success = 0,
    /// A file, the stimuli or the device could not be used, or a check failed.
    Failure = 1,
    /// The command line is not understood.
    Usage = 2,
    /// The config does not say something that can be run.
    Config = 3,
    /// Training made values that are not finite.
    Diverged = 4,
    /// The terminal went away (SIGHUP): what was made is kept.
    Hangup = 129,
    /// Interrupted from the keyboard (SIGINT): what was made is kept.
    Interrupted = 130,
    /// Asked to end (SIGTERM): what was made is kept.
    Terminated = 143,
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
