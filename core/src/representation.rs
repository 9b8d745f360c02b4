//! The activity of a layer as scores and rules see it: `[time, location, batch, channel]`.

use crate::device::Buffer;
use crate::error::{Error, Result};
use crate::map::FeatureMap;
use crate::ops;
pub use plasticity_compute::ops::pooling::{Pooling, RepresentationShape};

/// A layer's activity as rules see it: a matrix of `time · location · batch` rows and `channel` columns.
///
/// The rows of one time step are contiguous. So contexts and targets of a prediction step are two parts of one
/// matrix, and nothing is copied.
#[derive(Clone, Debug)]
pub struct Representation {
    shape: RepresentationShape,
    data: Buffer,
}

impl Representation {
    /// A representation of `shape` with the values `data`.
    ///
    /// # Errors
    /// If `data` has another length than `shape`.
    pub fn new(shape: RepresentationShape, data: Buffer) -> Result<Self> {
        if data.len() != shape.len() {
            let message = format!("{shape:?} has {} values, got {}", shape.len(), data.len());
            return Err(Error::shape("representation", message));
        }
        Ok(Self { shape, data })
    }

    /// Pools a map.
    ///
    /// # Errors
    /// If the pooling does not fit the map.
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
}
