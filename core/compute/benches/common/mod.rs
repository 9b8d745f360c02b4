//! Layers and their data for the benches.
#![allow(clippy::expect_used, reason = "a bench fails by panicking")]

use plasticity_compute::device::{Buffer, Device};
use plasticity_compute::ops::conv::{Backward, Factor, Geometry, Pool, Routing, feedback, forward, outer};

/// A layer, its data and results.
pub struct Layer {
    pub name: String,
    pub g: Geometry,
    pool: Option<Pool>,
    input: Buffer,
    weight: Buffer,
    bias: Buffer,
    output: Buffer,
    routing: Routing,
    factor: Buffer,
}

/// A stage of a layer's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Forward,
    Outer,
    Feedback,
}

impl Layer {
    pub fn new(name: impl Into<String>, g: Geometry, pool: Option<Pool>) -> Self {
        let device = Device::open().expect("a device");
        if let Ok(precision) = std::env::var("PLASTICITY_PRECISION") {
            device.set_precision(precision.parse().expect("a precision")).expect("one of this device");
        }
        let values = |length: usize, scale: f32| {
            let values = (0..length).map(|i| (i * 7919 % 2003) as f32 * scale / 1001.0 - scale);
            Buffer::from_vec(&device, values.collect()).expect("room")
        };
        let input = values(g.samples * g.input_len(), 1.0);
        let (weight, bias) = (values(g.weights(), 0.1), values(g.out_channels, 0.1));
        let (output, routing) = forward(&g, pool.as_ref(), true, &input, &weight, &bias).expect("it fits");
        let factor = values(g.samples * g.out_channels, 1.0);
        Self { name: name.into(), g, pool, input, weight, bias, output, routing, factor }
    }

    /// Nominal floating-point operations of any one stage: those of a direct convolution.
    pub fn flops(&self) -> f64 {
        2.0 * self.g.multiplications() as f64
    }

    pub fn run(&mut self, stage: Stage) {
        let Self { g, input, weight, bias, output, routing, factor, .. } = self;
        let (pool, factor) = (self.pool.as_ref(), Factor::PerSample(factor));
        let call = Backward { geometry: g, pool, relu: true, output, routing, factor, shard: false };
        let done = match stage {
            Stage::Forward => forward(g, pool, true, input, weight, bias).map(drop),
            Stage::Outer => outer(&call, input).map(drop),
            Stage::Feedback => feedback(&call, weight).map(drop),
        };
        done.expect("it fits");
    }
}

/// 3×3 layers of VGG-6 (pools after layers 2, 4, 5 and 6) on `samples` maps of `side × side`.
pub fn vgg(samples: usize, side: usize, channels: usize, widths: [usize; 6]) -> Vec<Layer> {
    let halve = Pool { size: [1, 2, 2], stride: [1, 2, 2] };
    let (mut side, mut in_channels) = (side, channels);
    widths
        .into_iter()
        .zip([false, true, false, true, true, true])
        .enumerate()
        .map(|(i, (out_channels, pooled))| {
            let g = Geometry {
                samples,
                input: [1, side, side],
                in_channels,
                out_channels,
                kernel: [1, 3, 3],
                stride: [1, 1, 1],
                padding: [0, 1, 1],
            };
            let name = format!("{} {in_channels}→{out_channels} @{side}", i + 1);
            in_channels = out_channels;
            side = if pooled { side / 2 } else { side };
            Layer::new(name, g, pooled.then_some(halve))
        })
        .collect()
}

/// The audio stack on `samples` sounds of 20480 samples (kernels 10 8 4 4 4, strides 5 4 2 2 2).
pub fn audio(samples: usize, channels: usize) -> Vec<Layer> {
    let (mut length, mut in_channels) = (20480, 1);
    [(10, 5, 2), (8, 4, 2), (4, 2, 2), (4, 2, 2), (4, 2, 1)]
        .into_iter()
        .enumerate()
        .map(|(i, (kernel, stride, padding))| {
            let g = Geometry {
                samples,
                input: [length, 1, 1],
                in_channels,
                out_channels: channels,
                kernel: [kernel, 1, 1],
                stride: [stride, 1, 1],
                padding: [padding, 0, 0],
            };
            let name = format!("{} {in_channels}→{channels} @{length}", i + 1);
            (length, in_channels) = (g.output()[0], channels);
            Layer::new(name, g, None)
        })
        .collect()
}

/// Video layers: a first 7×7 with stride 2, and the 3-D kernels after it.
pub fn video(samples: usize) -> Vec<Layer> {
    let layer = |name: &str, input, channels: [usize; 2], kernel, stride, padding| {
        let [in_channels, out_channels] = channels;
        let g = Geometry { samples, input, in_channels, out_channels, kernel, stride, padding };
        Layer::new(name, g, None)
    };
    vec![
        layer("1×7×7/2 3→64", [5, 64, 64], [3, 64], [1, 7, 7], [1, 2, 2], [0, 3, 3]),
        layer("1×3×3 64→64", [5, 16, 16], [64, 64], [1, 3, 3], [1, 1, 1], [0, 1, 1]),
        layer("3×3×3/2 64→128", [5, 16, 16], [64, 128], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
        layer("1×1×1 64→256", [5, 16, 16], [64, 256], [1, 1, 1], [1, 1, 1], [0, 0, 0]),
    ]
}
