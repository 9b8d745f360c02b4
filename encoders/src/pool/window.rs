//! Windows over rows and columns, with an empty border.

use plasticity_core::map::MapShape;
use plasticity_core::{Error, Result};
use rayon::prelude::*;
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

    /// Sums over windows, times `share`: from the values of a map of `shape` to those of its windows.
    pub fn gather(&self, share: f32, shape: MapShape, values: &[f32]) -> Result<Vec<f32>> {
        let (pooled, channels) = (self.output(shape)?, shape.channels.max(1));
        let mut made = vec![0.0; pooled.len()];
        let samples = values.par_chunks(shape.positions() * channels);
        made.par_chunks_mut(pooled.positions() * channels).zip(samples).for_each(|(made, values)| {
            self.visit(shape, |window, positions| {
                for position in positions {
                    let here = &values[position * channels..][..channels];
                    let made = made[window * channels..][..channels].iter_mut();
                    made.zip(here).for_each(|(made, value)| *made += share * value);
                }
            });
        });
        Ok(made)
    }

    /// The transpose of [`gather`](Self::gather): every position gets the sum over its windows, times `share`.
    pub fn spread(&self, share: f32, shape: MapShape, windows: &[f32]) -> Result<Vec<f32>> {
        let (pooled, channels) = (self.output(shape)?, shape.channels.max(1));
        let mut made = vec![0.0; shape.len()];
        let samples = windows.par_chunks(pooled.positions() * channels);
        made.par_chunks_mut(shape.positions() * channels).zip(samples).for_each(|(made, windows)| {
            self.visit(shape, |window, positions| {
                let given = &windows[window * channels..][..channels];
                for position in positions {
                    let made = made[position * channels..][..channels].iter_mut();
                    made.zip(given).for_each(|(made, given)| *made += share * given);
                }
            });
        });
        Ok(made)
    }
}
