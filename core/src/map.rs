//! The activity of a layer over a whole batch.

use crate::device::Buffer;
use crate::error::{Error, Result};
pub use plasticity_compute::map::MapShape;

/// The activity of a layer over a batch, channels last: `[sample, t, y, x, channel]`.
#[derive(Clone, Debug)]
pub struct FeatureMap {
    shape: MapShape,
    data: Buffer,
}

impl FeatureMap {
    /// A map of `shape` with the values `data`.
    ///
    /// # Errors
    /// If `data` has another length than `shape`.
    pub fn new(shape: MapShape, data: Buffer) -> Result<Self> {
        if data.len() != shape.len() {
            let message = format!("{shape:?} has {} values, got {}", shape.len(), data.len());
            return Err(Error::shape("feature map", message));
        }
        Ok(Self { shape, data })
    }

    /// Its axes.
    pub fn shape(&self) -> MapShape {
        self.shape
    }

    /// Its values.
    pub fn data(&self) -> &Buffer {
        &self.data
    }

    /// Its values, mutable.
    pub fn data_mut(&mut self) -> &mut Buffer {
        &mut self.data
    }

    /// Its values, without the shape.
    pub fn into_data(self) -> Buffer {
        self.data
    }
}
