//! The axes of a layer's activity over a whole batch.

/// The axes of a map of activity.
///
/// A batch of stimuli becomes `time · location · batch` *samples* where a modality cuts each
/// stimulus into separate pieces (image patches: rows are time, columns are locations), and each
/// sample is a map of `extent` positions. Speech and video keep time on the map itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// Pieces of one stimulus that follow each other in time (1 where time is on the map).
    pub time: usize,
    /// Pieces of one stimulus that stand side by side (1 where space is on the map).
    pub location: usize,
    /// Stimuli.
    pub batch: usize,
    /// Positions on a sample's map: time, row, column.
    pub extent: [usize; 3],
    /// Neurons at each position.
    pub channels: usize,
}

impl MapShape {
    /// Separate maps: time · location · batch, in this order, batch fastest.
    pub fn samples(&self) -> usize {
        self.time * self.location * self.batch
    }

    /// Positions on each map.
    pub fn positions(&self) -> usize {
        self.extent.iter().product()
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        self.samples() * self.positions() * self.channels
    }

    /// Whether the map holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same samples with other positions and channels: what a layer makes of it.
    pub fn with(&self, extent: [usize; 3], channels: usize) -> Self {
        Self { extent, channels, ..*self }
    }
}
