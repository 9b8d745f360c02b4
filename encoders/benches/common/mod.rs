//! Layers and their data for the benches.

use plasticity_encoders::kernels::{Geometry, Pool, Post, Routing, feedback, forward, outer};

/// A layer, its data and results.
pub struct Layer {
    pub name: String,
    pub g: Geometry,
    pool: Option<Pool>,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    output: Vec<f32>,
    routing: Routing,
    factor: Vec<f32>,
    d_weight: Vec<f32>,
    d_bias: Vec<f32>,
    d_input: Vec<f32>,
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
        let values = |length: usize, scale: f32| -> Vec<f32> {
            (0..length).map(|i| (i * 7919 % 2003) as f32 * scale / 1001.0 - scale).collect()
        };
        let mut layer = Self {
            name: name.into(),
            g,
            pool,
            input: values(g.samples * g.input_len(), 1.0),
            weight: values(g.weights(), 0.1),
            bias: values(g.out_channels, 0.1),
            output: values(
                g.samples * g.pooled(pool.as_ref()).iter().product::<usize>() * g.out_channels,
                0.0,
            ),
            routing: Routing::default(),
            factor: values(g.samples * g.out_channels, 1.0),
            d_weight: values(g.weights(), 0.0),
            d_bias: values(g.out_channels, 0.0),
            d_input: values(g.samples * g.input_len(), 0.0),
        };
        layer.run(Stage::Forward);
        layer
    }

    /// Nominal floating-point operations of any one stage: those of a direct convolution.
    pub fn flops(&self) -> f64 {
        2.0 * self.g.multiplications() as f64
    }

    pub fn run(&mut self, stage: Stage) {
        let Self { g, input, weight, bias, output, routing, .. } = self;
        let pool = self.pool.as_ref();
        let post = Post::PerSample(&self.factor);
        match stage {
            Stage::Forward => *routing = forward(g, pool, true, input, weight, bias, output),
            Stage::Outer => {
                outer(g, pool, true, input, output, routing, post, &mut self.d_weight, &mut self.d_bias)
            }
            Stage::Feedback => {
                feedback(g, pool, true, weight, output, routing, post, &mut self.d_input);
            }
        }
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
