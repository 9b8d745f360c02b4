//! Criterion benches of every layer and stage; the throughput is that of a direct convolution, so
//! "Gelem/s" reads as GF/s: `cargo bench -p plasticity-compute --bench kernels -- full/2`.

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::{Layer, Stage, audio, vgg, video};
use criterion::{Criterion, Throughput};

fn bench(c: &mut Criterion, name: &str, layers: Vec<Layer>) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for mut layer in layers {
        group.throughput(Throughput::Elements(layer.flops() as u64));
        for stage in [Stage::Forward, Stage::Outer, Stage::Feedback] {
            group.bench_function(format!("{} {stage:?}", layer.name), |bencher| {
                bencher.iter(|| black_box(&mut layer).run(stage));
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let c = &mut criterion;
    bench(c, "full", vgg(4 * 49, 16, 1, [128, 256, 256, 512, 1024, 1024]));
    bench(c, "small", vgg(32 * 49, 16, 1, [16, 32, 32, 64, 128, 128]));
    bench(c, "views", vgg(8, 64, 3, [128, 256, 256, 512, 1024, 1024]));
    bench(c, "audio", audio(2, 512));
    bench(c, "video", video(4));
    criterion.final_summary();
}
