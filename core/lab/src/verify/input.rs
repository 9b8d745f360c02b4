//! A reference case's stimulus as a feature map.

use super::case::Case;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::map::{FeatureMap, MapShape};

/// The stimulus on the device: patches (vision), sound (audio), clips (video) or whole images (views).
///
/// # Errors
/// If `input` does not have the axes of its modality.
pub fn input(case: &Case, device: &Device) -> Result<FeatureMap> {
    let tensor = case.float("input")?;
    let expected = |axes: &str| case.bad(format!("`input` has shape {:?}, expected {axes}", tensor.shape));
    let (shape, values) = match (case.description.modality.as_str(), tensor.shape.as_slice()) {
        ("vision", &[batch, channels, rows, columns]) => {
            let patch = case.description.patch.ok_or_else(|| case.bad("vision needs `patch`"))?;
            if patch.stride == 0 || patch.size == 0 || patch.size > rows || patch.size > columns {
                return Err(case.bad(format!("patches of {} do not fit {rows}×{columns}", patch.size)));
            }
            let grid = |length: usize| (length - patch.size) / patch.stride + 1;
            let (time, location) = (grid(rows), grid(columns));
            let shape = MapShape { time, location, batch, extent: [1, patch.size, patch.size], channels };
            let mut values = Vec::with_capacity(shape.len());
            for t in 0..time {
                for l in 0..location {
                    for b in 0..batch {
                        for y in 0..patch.size {
                            for x in 0..patch.size {
                                for c in 0..channels {
                                    let (row, column) = (t * patch.stride + y, l * patch.stride + x);
                                    values.push(
                                        tensor.values[((b * channels + c) * rows + row) * columns + column],
                                    );
                                }
                            }
                        }
                    }
                }
            }
            (shape, values)
        }
        ("views", &[batch, channels, y, x]) => whole(&tensor.values, batch, channels, [1, y, x]),
        ("audio", &[batch, channels, length]) => whole(&tensor.values, batch, channels, [length, 1, 1]),
        ("video", &[batch, channels, t, y, x]) => whole(&tensor.values, batch, channels, [t, y, x]),
        ("vision" | "views", _) => return Err(expected("[B,C,Y,X]")),
        ("audio", _) => return Err(expected("[B,1,L]")),
        ("video", _) => return Err(expected("[B,3,T,Y,X]")),
        (other, _) => {
            return Err(
                case.bad(format!("unknown modality `{other}`: known are vision, audio, video, views"))
            );
        }
    };
    FeatureMap::new(shape, Buffer::from_vec(device, values)?)
}

/// `[B, C, positions]` to channels last.
fn whole(values: &[f32], batch: usize, channels: usize, extent: [usize; 3]) -> (MapShape, Vec<f32>) {
    let shape = MapShape { time: 1, location: 1, batch, extent, channels };
    (shape, channels_last(values, batch, channels, shape.positions()))
}

/// `[B, C, positions]` to `[B, positions, C]`.
pub(super) fn channels_last(values: &[f32], batch: usize, channels: usize, positions: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for b in 0..batch {
        for p in 0..positions {
            out.extend((0..channels).map(|c| values[(b * channels + c) * positions + p]));
        }
    }
    out
}
