//! Peak memory of one GRU update (256 inputs, 256 neurons, one sequence) against the sequence's length.

#[cfg(not(feature = "cuda"))]
mod gru_peak;

#[cfg(not(feature = "cuda"))]
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[cfg(not(feature = "cuda"))]
fn main() {
    use gru_peak::{bptt, forward_traces, peak};
    const NEURONS: usize = 256;
    peak(|| forward_traces(1, NEURONS));
    println!("{:>8} {:>16} {:>22}", "steps", "BPTT, bytes", "forward traces, bytes");
    for steps in [32, 128, 512, 2048] {
        let (back, forward) = (peak(|| bptt(steps, NEURONS)), peak(|| forward_traces(steps, NEURONS)));
        println!("{steps:>8} {back:>16} {forward:>22}");
    }
}

#[cfg(feature = "cuda")]
fn main() {
    println!("counts the heap of the CPU build: run it without `--features cuda`");
}
