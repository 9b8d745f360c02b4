//! Windows over rows and columns, with an empty border.

use plasticity_core::map::MapShape;
use plasticity_core::{Error, Result};
use std::ops::Range;

/// Windows of `size` × `size` positions, `stride` apart, that may reach `padding` positions past the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub size: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Window {
    /// Checks the keys of a config.
    pub fn checked(size: usize, stride: Option<usize>, padding: usize) -> Result<Self> {
        let stride = stride.unwrap_or(size);
        for (key, value) in [("size", size), ("stride", stride)] {
            if value == 0 || value > 4096 {
                return Err(Error::config(key, format!("{value} is not in 1 to 4096")));
            }
        }
        if 2 * padding > size {
            let message = format!("{padding} is not in 0 to {}: at most half the window", size / 2);
            return Err(Error::config("padding", message));
        }
        Ok(Self { size, stride, padding })
    }

    /// Windows along an axis: ⌊(length + 2 padding − size) / stride⌋ + 1.
    fn count(&self, length: usize) -> usize {
        let padded = length + 2 * self.padding;
        if padded < self.size { 0 } else { (padded - self.size) / self.stride + 1 }
    }

    /// The shape of the pooled map.
    pub fn output(&self, input: MapShape) -> Result<MapShape> {
        let [t, y, x] = input.extent;
        let extent = [t, self.count(y), self.count(x)];
        if extent.contains(&0) {
            let message = format!("windows of {0}×{0} do not fit a map of {y}×{x}", self.size);
            return Err(Error::config("size", message));
        }
        Ok(input.with(extent, input.channels))
    }

    /// The places of the map that a window sees.
    fn range(&self, window: usize, length: usize) -> Range<usize> {
        let start = window * self.stride;
        start.saturating_sub(self.padding)..(start + self.size - self.padding).min(length)
    }

    /// For one sample of a map of `shape`: calls `each(window, positions)`, window by window.
    pub fn visit(&self, shape: MapShape, mut each: impl FnMut(usize, &mut dyn Iterator<Item = usize>)) {
        let [t, y, x] = shape.extent;
        let (rows, columns) = (self.count(y), self.count(x));
        for step in 0..t {
            for row in 0..rows {
                for column in 0..columns {
                    let across = self.range(column, x);
                    let mut positions = self
                        .range(row, y)
                        .flat_map(|row| across.clone().map(move |column| (step * y + row) * x + column));
                    each((step * rows + row) * columns + column, &mut positions);
                }
            }
        }
    }
}
