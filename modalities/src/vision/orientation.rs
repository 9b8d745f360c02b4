//! The orientation of photographs.

use serde::{Deserialize, Serialize};

/// How images with EXIF orientation are read. Cameras store pixels in the order of the sensor, and store in
/// EXIF how to rotate them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Rotated and mirrored as EXIF says, as image viewers do.
    #[default]
    Upright,
    /// The pixels as they are in the file.
    Stored,
}

impl Orientation {
    /// Whether it is the default.
    pub fn is_upright(&self) -> bool {
        *self == Self::Upright
    }
}
