//! Pools maps into representations, and spreads post factors back over maps.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{pool, spread};

use crate::error::{Error, Result};
use crate::map::MapShape;
use serde::{Deserialize, Serialize};

/// How a map becomes a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean over a map's rows and columns (vision: over a patch; speech: one position).
    Mean,
    /// Every row and column stays a separate location (video; rules of single synapses).
    Keep,
    /// Means over blocks of this many rows and columns, flattened as (channel, row, column):
    /// one vector per map (CLAPP++'s spatial dependence). Rows and columns past the last whole block are left out.
    Blocks(usize),
}

/// The axes of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepresentationShape {
    /// Steps in time.
    pub time: usize,
    /// Places.
    pub location: usize,
    /// Stimuli.
    pub batch: usize,
    /// Neurons.
    pub channel: usize,
}

impl RepresentationShape {
    /// Rows of the matrix: time · location · batch, batch fastest.
    pub fn rows(&self) -> usize {
        self.time * self.location * self.batch
    }

    /// Rows of one step in time.
    pub fn rows_per_step(&self) -> usize {
        self.location * self.batch
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        self.rows() * self.channel
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape that `pooling` makes of a map.
    ///
    /// # Errors
    /// If blocks are larger than the map.
    pub fn of(map: MapShape, pooling: Pooling) -> Result<Self> {
        let [t, y, x] = map.extent;
        let plain =
            Self { time: map.time * t, location: map.location, batch: map.batch, channel: map.channels };
        match pooling {
            Pooling::Mean => Ok(plain),
            Pooling::Keep => Ok(Self { location: map.location * y * x, ..plain }),
            Pooling::Blocks(k) if k >= 1 && k <= y && k <= x => {
                Ok(Self { channel: map.channels * (y / k) * (x / k), ..plain })
            }
            Pooling::Blocks(k) => {
                Err(Error::shape("pooling", format!("blocks of {k}×{k} do not fit a map of {y}×{x}")))
            }
        }
    }
}
