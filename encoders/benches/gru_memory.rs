//! Peak memory of one GRU update (256 inputs, 256 neurons, one sequence) against the sequence's length.

mod gru_peak;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    use gru_peak::{bptt, forward_traces, peak};
    const NEURONS: usize = 256;
    if plasticity_core::device::ON_GPU {
        println!("counts the heap of the CPU build: run it without `--features cuda`");
        return;
    }
    peak(|| forward_traces(1, NEURONS));
    println!("{:>8} {:>16} {:>22}", "steps", "BPTT, bytes", "forward traces, bytes");
    for steps in [32, 128, 512, 2048] {
        let (back, forward) = (peak(|| bptt(steps, NEURONS)), peak(|| forward_traces(steps, NEURONS)));
        println!("{steps:>8} {back:>16} {forward:>22}");
    }
}
