//! How much memory the GRU's update takes as sequences grow: the peak of the heap, counted by the allocator.
#![cfg(not(feature = "cuda"))]

#[path = "../benches/gru_peak/mod.rs"]
mod gru_peak;
use gru_peak::{bptt, forward_traces, peak};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn bptt_grows_with_the_sequence_and_forward_traces_do_not() {
    const NEURONS: usize = 32;
    // The first run starts rayon's threads.
    peak(|| forward_traces(1, NEURONS));
    let (short, long) = (peak(|| forward_traces(4, NEURONS)), peak(|| forward_traces(400, NEURONS)));
    assert!(short.abs_diff(long) < 8_192, "{short} and {long} bytes");
    let (short, long) = (peak(|| bptt(40, NEURONS)), peak(|| bptt(400, NEURONS)));
    assert!(long - short > 360 * 13 * NEURONS * 4, "{short} and {long} bytes");
}
