//! Which way up photographs are.

use serde::{Deserialize, Serialize};

/// Cameras store pixels as the sensor lies, and in EXIF how to turn them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Turned and mirrored as EXIF says, as every viewer shows them.
    #[default]
    Upright,
    /// Pixels as they lie in the file.
    Stored,
}

impl Orientation {
    /// Whether it is the default.
    pub fn is_upright(&self) -> bool {
        *self == Self::Upright
    }
}
