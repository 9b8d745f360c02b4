//! The errors of this crate. Each says what was expected, what was found, and where.

/// Errors of computations on a device.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that this build's device does not have.
    #[error("{place}: {message}")]
    Setting {
        /// The setting.
        place: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// Buffers that do not fit each other or the operation.
    #[error("{place}: {message}")]
    Shape {
        /// The operation.
        place: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The compute device, or dfdx, returned an error.
    #[error("device: {0}")]
    Device(String),
}

/// A result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the setting `place`.
    pub fn setting(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Setting { place: place.into(), message: message.into() }
    }

    /// A shape error at `place`.
    pub fn shape(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Shape { place: place.into(), message: message.into() }
    }
}
