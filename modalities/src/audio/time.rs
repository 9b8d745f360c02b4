//! How time is counted: samples at one rate, and frames of them.

/// Samples a second that encoders see; other rates are resampled.
pub const RATE: u32 = 16_000;
/// Samples of one labelled frame: 10 ms, the stride of the paper's five convolutions (5 · 4 · 2 · 2 · 2).
pub const HOP: usize = 160;

/// Sample at the middle of a frame: the label there is the frame's.
pub(super) fn middle(frame: usize) -> usize {
    frame * HOP + HOP / 2
}
