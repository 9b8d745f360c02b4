//! Units of time: samples at one rate, and frames of samples.

/// The sample rate that encoders see, in Hz. Other rates are resampled.
pub const RATE: u32 = 16_000;
/// The number of samples of a labelled frame: 10 ms, the stride of the paper's five convolutions (5 · 4 · 2 ·
/// 2 · 2).
pub const HOP: usize = 160;

/// The sample at the middle of a frame. A frame has the label at its middle.
pub(super) fn middle(frame: usize) -> usize {
    frame * HOP + HOP / 2
}
