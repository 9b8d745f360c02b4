//! The errors of this crate. Each says what was expected, what was found, and where.

use std::path::PathBuf;

/// Everything that can go wrong between a config file and a trained network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An invalid config.
    #[error("{place}: {message}")]
    Config {
        /// File, line and key, if known.
        place: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// A layer, rule or score got tensors that it cannot use.
    #[error("{place}: {message}")]
    Shape {
        /// The layer, module or rule.
        place: String,
        /// What was expected and what was found.
        message: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and the remedy.
        message: String,
    },
    /// Stimuli or labels that cannot be used.
    #[error("{place}: {message}")]
    Stimulus {
        /// The source, folder or file.
        place: String,
        /// What is wrong with it, and the remedy.
        message: String,
    },
    /// The compute device, or dfdx, returned an error.
    #[error("device: {0}")]
    Device(String),
    /// The registry of plugins has a conflict.
    #[error("plugins: {0}")]
    Registry(String),
    /// The ranks that train together do not match, or one has left.
    #[error("ranks: {0}")]
    Ranks(String),
    /// Training made a value that it cannot continue with.
    #[error("{place}: {message}")]
    Diverged {
        /// The step and, if known, the module.
        place: String,
        /// Which value, and the remedy.
        message: String,
    },
}

impl From<plasticity_compute::Error> for Error {
    fn from(error: plasticity_compute::Error) -> Self {
        match error {
            plasticity_compute::Error::Setting { place, message } => Self::Config { place, message },
            plasticity_compute::Error::Shape { place, message } => Self::Shape { place, message },
            plasticity_compute::Error::Device(message) => Self::Device(message),
        }
    }
}

/// A result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A config error at `place`.
    pub fn config(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config { place: place.into(), message: message.into() }
    }

    /// The same error. A config error gets its key below `mount`, the place of the plugin in the config.
    #[must_use]
    pub fn under(self, mount: &str) -> Self {
        match self {
            Self::Config { place, message } => {
                Self::Config { place: crate::keys::join(mount, &place), message }
            }
            other => other,
        }
    }

    /// A shape error at `place`.
    pub fn shape(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Shape { place: place.into(), message: message.into() }
    }

    /// A stimulus error at `place`.
    pub fn stimulus(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Stimulus { place: place.into(), message: message.into() }
    }

    /// Training at `place` made a `value` that it cannot continue with.
    pub fn diverged(place: impl Into<String>, value: impl std::fmt::Display) -> Self {
        let message = format!("{value}: start a new run with a lower training.optimiser.rate");
        Self::Diverged { place: place.into(), message }
    }

    /// A file error for `path`.
    pub fn file(path: impl Into<PathBuf>, message: impl ToString) -> Self {
        Self::File { path: path.into(), message: message.to_string() }
    }
}
