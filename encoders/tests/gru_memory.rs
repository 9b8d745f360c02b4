//! How much memory the GRU's update takes as sequences grow: the peak of the heap, counted by the allocator.

#[path = "../benches/gru_peak/mod.rs"]
mod gru_peak;
use gru_peak::{bptt, forward_traces, peak};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn bptt_grows_with_the_sequence_and_forward_traces_do_not() {
    if plasticity_core::device::ON_GPU {
        println!("skipped: counts the heap of the host");
        return;
    }
    const NEURONS: usize = 32;
    // The first run starts rayon's threads.
    peak(|| forward_traces(1, NEURONS));
    let (short, long) = (peak(|| forward_traces(4, NEURONS)), peak(|| forward_traces(400, NEURONS)));
    assert!(short.abs_diff(long) < 8_192, "{short} and {long} bytes");
    // Long enough that activity, and not the scratch of matrix products, makes the peak.
    let (short, long) = (peak(|| bptt(1_000, NEURONS)), peak(|| bptt(3_000, NEURONS)));
    assert!(long - short > 2_000 * 4 * NEURONS * 4, "{short} and {long} bytes");
}
