//! Times the kernels of VGG-6's layers on 16×16 patches: forward pass and outer product of each, at every precision.
//! Without a batch it only says what it would run on.
//!
//! `cargo run --release --features cuda --example vgg6_kernels -- [batch of 64×64 images]…`

use plasticity_compute::device::{Buffer, Device, Precision};
use plasticity_compute::ops::conv::{Backward, Factor, Geometry, Pool, forward, library, outer};
use plasticity_compute::ops::{self, Product};
use std::time::Instant;

const WIDTHS: [usize; 7] = [1, 128, 256, 256, 512, 1024, 1024];
const SIDES: [usize; 6] = [16, 16, 8, 8, 4, 2];
const POOLS: [bool; 6] = [false, true, false, true, true, true];
const PATCHES: usize = 49;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn noise(device: &Device, len: usize, scale: f32) -> Outcome<Buffer> {
    let mut state = 0x9e37_79b9_u32 ^ len as u32;
    let values = (0..len).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        scale * (state as f32 / 2_147_483_648.0 - 1.0)
    });
    Ok(Buffer::from_vec(device, values.collect())?)
}

/// The median of `repeats` runs, in ms, after two to warm up; `inner` calls a run.
fn time(device: &Device, repeats: usize, inner: usize, mut run: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let mut times = Vec::new();
    for repeat in 0..repeats + 2 {
        device.synchronize()?;
        let start = Instant::now();
        for _ in 0..inner {
            run()?;
        }
        device.synchronize()?;
        if repeat >= 2 {
            times.push(start.elapsed().as_secs_f64() * 1e3 / inner as f64);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn main() -> Outcome<()> {
    let device = Device::open()?;
    println!("{}", device.name());
    println!("{}", library(&device));
    let mut batches: Vec<usize> = Vec::new();
    for argument in std::env::args().skip(1) {
        batches.push(argument.parse()?);
    }
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        if batches.is_empty() || device.set_precision(precision).is_err() {
            continue;
        }
        let side = 8192;
        let (a, b) = (noise(&device, side * side, 1.0)?, noise(&device, side * side, 1.0)?);
        let mut c = Buffer::zeros(&device, side * side)?;
        let product =
            time(&device, 5, 1, || Ok(ops::product(Product::new(side, side, side), &a, &b, &mut c)?))?;
        let limit = 2.0 * (side as f64).powi(3) / product / 1e9;
        println!("{precision}: a product of side {side} runs at {limit:.0} TFLOP/s");
        for &batch in &batches {
            layers(&device, precision, batch, limit)?;
        }
    }
    Ok(())
}

fn layers(device: &Device, precision: Precision, batch: usize, limit: f64) -> Outcome<()> {
    let mut input = noise(device, batch * PATCHES * 256, 1.0)?;
    let (mut total, mut work) = (0.0, 0.0);
    for layer in 0..6 {
        let g = Geometry {
            samples: batch * PATCHES,
            input: [1, SIDES[layer], SIDES[layer]],
            in_channels: WIDTHS[layer],
            out_channels: WIDTHS[layer + 1],
            kernel: [1, 3, 3],
            stride: [1; 3],
            padding: [0, 1, 1],
        };
        let pool = POOLS[layer].then_some(Pool { size: [1, 2, 2], stride: [1, 2, 2] });
        let scale = (3.0 / (9 * g.in_channels) as f32).sqrt();
        let weight = noise(device, g.weights(), scale)?;
        let bias = noise(device, g.out_channels, scale)?;
        let factor = noise(device, g.samples * g.out_channels, 1.0)?;
        let run = |input: &Buffer| forward(&g, pool.as_ref(), true, input, &weight, &bias);
        let (output, routing) = run(&input)?;
        let ahead = time(device, 5, 2, || Ok(run(&input).map(drop)?))?;
        let call = Backward {
            geometry: &g,
            pool: pool.as_ref(),
            relu: true,
            output: &output,
            routing: &routing,
            factor: Factor::PerSample(&factor),
            shard: false,
        };
        let back = time(device, 5, 2, || Ok(outer(&call, &input).map(drop)?))?;
        let giga = 2.0 * g.multiplications() as f64 / 1e9;
        println!(
            "  {precision} batch {batch} layer {}: forward {ahead:7.3} ms {:5.0} TFLOP/s, outer {back:7.3} ms {:5.0} TFLOP/s",
            layer + 1,
            giga / ahead,
            giga / back
        );
        total += ahead + back;
        work += 2.0 * giga;
        input = output;
    }
    println!(
        "  {precision} batch {batch} all layers: {total:.3} ms, {:.0} images/s, {:.0} TFLOP/s, {:.0} % of the product's rate",
        batch as f64 / total * 1e3,
        work / total,
        100.0 * work / total / limit
    );
    Ok(())
}
