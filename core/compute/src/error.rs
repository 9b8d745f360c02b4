//! The errors of this crate: each says what was expected, what came, and where.

/// What can go wrong with numbers on a device.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that this build's device does not have.
    #[error("{place}: {message}")]
    Setting {
        /// What is set.
        place: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// Buffers that do not fit each other, or what is asked of them.
    #[error("{place}: {message}")]
    Shape {
        /// The operation.
        place: String,
        /// What was expected and what came.
        message: String,
    },
    /// The compute device, or dfdx on it, refused.
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
