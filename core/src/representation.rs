//! What scores and rules see of a layer: `[time, location, batch, channel]`.

use crate::device::{Buffer, Matrix};
use crate::error::{Error, Result};
use crate::map::{FeatureMap, MapShape};
use crate::ops;
use serde::{Deserialize, Serialize};

/// How a map becomes a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean over a map's rows and columns (vision: over a patch; speech: one position).
    Mean,
    /// Every row and column stays a location of its own (video; rules at single synapses).
    Keep,
    /// Means over blocks of this many rows and columns, flattened as (channel, row, column):
    /// one vector a map (CLAPP++'s spatial dependence). Rows and columns past the last whole block are left out.
    Blocks(usize),
}

/// The axes of a [`Representation`].
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
    /// Where blocks are larger than the map.
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

/// A layer's activity as rules see it: a matrix of `time · location · batch` rows and `channel` columns.
///
/// Rows of one step in time are contiguous, so contexts and targets of a prediction step are two parts
/// of one matrix and nothing is copied to pick them.
#[derive(Clone, Debug)]
pub struct Representation {
    shape: RepresentationShape,
    data: Buffer,
}

impl Representation {
    /// A representation of `shape` over `data`.
    ///
    /// # Errors
    /// Where the length of `data` is not that of `shape`.
    pub fn new(shape: RepresentationShape, data: Buffer) -> Result<Self> {
        if data.len() != shape.len() {
            let message = format!("{shape:?} holds {} values, got {}", shape.len(), data.len());
            return Err(Error::shape("representation", message));
        }
        Ok(Self { shape, data })
    }

    /// Pools a map.
    ///
    /// # Errors
    /// Where the pooling does not fit the map.
    pub fn of(map: &FeatureMap, pooling: Pooling) -> Result<Self> {
        let shape = RepresentationShape::of(map.shape(), pooling)?;
        Self::new(shape, ops::pool(map.data(), map.shape(), pooling)?)
    }

    /// Its axes.
    pub fn shape(&self) -> RepresentationShape {
        self.shape
    }

    /// Its values, row by row.
    pub fn data(&self) -> &Buffer {
        &self.data
    }

    /// Its values, without the shape.
    pub fn into_data(self) -> Buffer {
        self.data
    }

    /// The whole as a dfdx matrix (a copy).
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn tensor(&self) -> Result<Matrix> {
        self.data.tensor(self.shape.rows(), self.shape.channel)
    }
}
