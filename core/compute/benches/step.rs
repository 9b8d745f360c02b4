//! Time of every layer and stage of the target workloads, in GF/s of a direct convolution:
//! `cargo bench -p plasticity-compute --bench step -- [workload…]`; `PLASTICITY_PRECISION=bf16` for that of operands.

mod common;

use std::time::Instant;

use common::{Layer, Stage, audio, vgg, video};

/// Name, images (sounds, clips) a step, layers of given widths, widths.
type Workload = (&'static str, usize, fn([usize; 6]) -> Vec<Layer>, [usize; 6]);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let full = [128, 256, 256, 512, 1024, 1024];
    let small = [16, 32, 32, 64, 128, 128];
    let workloads: [Workload; 5] = [
        ("full", 16, |widths| vgg(16 * 49, 16, 1, widths), full),
        ("small", 32, |widths| vgg(32 * 49, 16, 1, widths), small),
        ("views", 64, |widths| vgg(64, 64, 3, widths), full),
        ("audio", 2, |_| audio(2, 512), full),
        ("video", 4, |_| video(4), full),
    ];
    for (name, images, layers, widths) in workloads {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            report(name, images, layers(widths));
        }
    }
}

/// The best of several runs of each stage, in seconds, then a line for each layer and for all.
fn report(name: &str, images: usize, mut layers: Vec<Layer>) {
    println!("{name}: milliseconds and GF/s of forward, outer, feedback");
    let stages = [Stage::Forward, Stage::Outer, Stage::Feedback];
    let mut best = vec![[f64::INFINITY; 3]; layers.len()];
    for _ in 0..5 {
        for (layer, best) in layers.iter_mut().zip(&mut best) {
            for (stage, best) in stages.into_iter().zip(best) {
                let start = Instant::now();
                layer.run(stage);
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
    }
    let mut total = [0.0; 3];
    for (layer, best) in layers.iter().zip(best) {
        print!("  {:22}", layer.name);
        for (seconds, total) in best.into_iter().zip(&mut total) {
            print!(" {:8.2} ms {:5.0}", seconds * 1e3, layer.flops() / seconds / 1e9);
            *total += seconds;
        }
        println!();
    }
    let [forward, outer, feedback] = total;
    println!(
        "  all {:.1} + {:.1} + {:.1} ms: {:.2} a second by forward and outer, {:.2} with feedback",
        forward * 1e3,
        outer * 1e3,
        feedback * 1e3,
        images as f64 / (forward + outer),
        images as f64 / (forward + outer + feedback),
    );
}
