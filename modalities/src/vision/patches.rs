//! Patches: a grid of overlapping squares. The rows of the grid are steps in time, its columns are locations.

use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The side of a patch and the step from one to the next, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The side of a patch.
    pub size: usize,
    /// The step from one patch to the next.
    pub stride: usize,
}

/// `patch` in a config: `false` (the whole image is one stimulus) or `{ size = 16, stride = 8 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected `false` or { size = …, stride = … }")]
pub enum Patches {
    /// Whether there are patches. `true` is refused, because it gives no size.
    Any(bool),
    /// Patches of this size.
    Of(Patch),
}

impl Default for Patches {
    fn default() -> Self {
        Self::Any(false)
    }
}

impl Patches {
    /// The grid on an image with side `crop`.
    ///
    /// # Errors
    /// If a patch does not fit the image.
    pub fn grid(self, crop: usize) -> Result<Grid> {
        match self {
            Self::Any(false) => Ok(Grid { side: 1, size: crop, stride: crop, crop }),
            Self::Of(Patch { size, stride }) if size >= 1 && stride >= 1 && size <= crop => {
                Ok(Grid { side: (crop - size) / stride + 1, size, stride, crop })
            }
            Self::Of(Patch { size, stride }) => {
                let message = format!(
                    "expected size from 1 to the crop's {crop} and stride of at least 1, got size {size} and \
                     stride {stride}"
                );
                Err(Error::config("patch", message))
            }
            Self::Any(true) => {
                let message = "expected `false` or a size, such as { size = 16, stride = 8 }, got `true`";
                Err(Error::config("patch", message))
            }
        }
    }
}

/// A grid of `side` × `side` patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The number of patches in a row, and in a column.
    pub side: usize,
    /// The side of a patch.
    pub size: usize,
    stride: usize,
    crop: usize,
}

impl Grid {
    /// Appends the patch at (`row`, `column`). `image` begins with the values of the image, of shape
    /// `[y, x, channel]`.
    pub fn cut(&self, image: &[f32], channels: usize, row: usize, column: usize, values: &mut Vec<f32>) {
        for y in row * self.stride..row * self.stride + self.size {
            let start = (y * self.crop + column * self.stride) * channels;
            values.extend(image.iter().skip(start).take(self.size * channels));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_grid_is_seven_by_seven() {
        let grid = Patches::Of(Patch { size: 16, stride: 8 }).grid(64).unwrap();
        assert_eq!(grid.side, 7);
        let image: Vec<f32> = (0..64 * 64).map(|i| i as f32).collect();
        let mut patch = Vec::new();
        grid.cut(&image, 1, 2, 6, &mut patch);
        assert_eq!(patch.len(), 256);
        assert_eq!((patch[0], patch[255]), ((16 * 64 + 48) as f32, (31 * 64 + 63) as f32));
    }

    #[test]
    fn patches_that_do_not_fit_are_refused() {
        for patches in [
            Patches::Any(true),
            Patches::Of(Patch { size: 65, stride: 8 }),
            Patches::Of(Patch { size: 16, stride: 0 }),
            Patches::Of(Patch { size: 0, stride: 8 }),
        ] {
            assert!(patches.grid(64).unwrap_err().to_string().contains("patch"));
        }
    }
}
