//! The axes of a layer's activity over a whole batch.

/// The axes of a map of activity.
///
/// If a modality cuts each stimulus into separate pieces (image patches: rows are time, columns are
/// locations), a batch of stimuli becomes `time · location · batch` *samples*. Each sample is a map
/// of `extent` positions. Speech and video keep time as an axis of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// Pieces of one stimulus that follow each other in time (1 if time is an axis of the map).
    pub time: usize,
    /// Pieces of one stimulus at the same time (1 if space is on the map).
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

    /// The same samples with other positions and channels: the output of a layer.
    pub fn with(&self, extent: [usize; 3], channels: usize) -> Self {
        Self { extent, channels, ..*self }
    }
}
