//! The configs of convolution layers.

use super::{Conv, ConvShape, PoolSpec, Sizes};
use crate::weights::Initial;
use plasticity_core::device::Device;
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

const TIME: [bool; 3] = [true, false, false];
const SPACE: [bool; 3] = [false, true, true];
const ALL: [bool; 3] = [true, true, true];

/// Declares the spec of a convolution over some of the axes. All have the same keys.
macro_rules! conv {
    (
        $(#[$doc:meta])* $type:ident, $axes:expr,
        Layer $name:literal: $summary:literal,
        equation: $equation:literal,
        citation: $citation:literal,
        example: $example:literal,
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            /// Neurons at each position.
            pub channels: usize,
            /// Taps on each axis.
            pub kernel: Sizes,
            /// Step between windows on each axis.
            #[serde(default = "one")]
            pub stride: Sizes,
            /// Zeros on either side of each axis.
            #[serde(default = "zero")]
            pub padding: Sizes,
            /// Whether ρ is ReLU; else the identity.
            #[serde(default = "yes")]
            pub relu: bool,
            /// Whether neurons have a bias that learns; else it is 0.
            #[serde(default = "yes", skip_serializing_if = "is_yes")]
            pub bias: bool,
            /// The initial weights.
            #[serde(default, skip_serializing_if = "is_default")]
            pub initial: Initial,
            /// Whether batch normalisation follows ρ.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub batch_norm: bool,
            /// The max pool at the end, if there is one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub max_pool: Option<PoolSpec>,
        }

        impl $type {
            /// The layer's sizes on time, row and column.
            ///
            /// # Errors
            /// If a value is out of range; the error names the key.
            pub fn shape(&self) -> Result<ConvShape> {
                let pool = self.max_pool.as_ref().map(|pool| pool.on($axes)).transpose()?;
                Ok(ConvShape {
                    channels: neurons(self.channels)?,
                    axes: $axes,
                    kernel: self.kernel.on($axes, 1, "kernel")?,
                    stride: self.stride.on($axes, 1, "stride")?,
                    padding: self.padding.on($axes, 0, "padding")?,
                    relu: self.relu,
                    bias: self.bias,
                    initial: self.initial,
                    batch_norm: self.batch_norm,
                    pool,
                })
            }
        }

        plugin! {
            Layer $name: $summary,
            equation: $equation,
            citation: $citation,
            keys: [
                channels = "", "1..=65536", "neurons at each position";
                kernel = "", "1..=4096 | list of 1..=4096", "size of the window, one number or one for \
                    each axis";
                stride = "1", "1..=4096 | list of 1..=4096", "step between windows, one number or one for each axis";
                padding = "0", "0..=4096 | list of 0..=4096", "zeros on each side, one number or one for each \
                    axis; smaller than the window";
                relu = "true", "true | false", "whether ρ is ReLU; else the identity";
                bias = "true", "true | false", "whether neurons have a learning bias; else it is 0";
                initial = "\"uniform\"", "uniform | xavier | { normal = > 0 }", "initial weights: uniform in \
                    ±1/√(fan-in); xavier: uniform in ±√(6 / (fan-in + fan-out)); normal: from N(0, \
                    (gain/√(fan-in))²) with the given gain";
                batch_norm = "false", "true | false", "whether batch normalisation follows ρ, with statistics of \
                                                       the batch in learning and running averages in probing";
                max_pool = "", "{ size = 1..=4096 | list of 1..=4096, stride = 1..=4096 | list of 1..=4096 }", "a max \
                    pool at the end; its window has at most 254 positions; stride left out: as size";
            ],
            example: $example,
            impl LayerSpec for $type {
                fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
                    Ok(Box::new(Conv::new(self.shape()?, input, device, random)?))
                }

                fn channels(&self) -> Option<usize> {
                    Some(self.channels)
                }
            }
        }
    };
}

conv! {
    /// Convolution over time: sound.
    Conv1d, TIME,
    Layer "conv1d": "Convolution over time, ReLU, batch normalisation, max pool",
    equation: "z = maxpool(norm(ρ(W ∗ x + b))), ΔW = Σ_t (post factor · ρ') ⊗ x_t",
    citation: "Illing et al. 2021, Equations 8 and 9 (audio encoder)",
    example: "type = \"conv1d\"\nchannels = 3\nkernel = 4\nstride = 2\npadding = 1\n",
}

conv! {
    /// Convolution over rows and columns: images.
    Conv2d, SPACE,
    Layer "conv2d": "Convolution over rows and columns, ReLU, batch normalisation, max pool",
    equation: "z = maxpool(norm(ρ(W ∗ x + b))), ΔW = Σ_yx (post factor · ρ') ⊗ x_yx",
    citation: "Illing et al. 2021, Equations 8 and 9 (vision encoder)",
    example: "type = \"conv2d\"\nchannels = 3\nkernel = 3\npadding = 1\nmax_pool = { size = 2 }\n",
}

conv! {
    /// Convolution over time, rows and columns: video.
    Conv3d, ALL,
    Layer "conv3d": "Convolution over time, rows and columns, ReLU, batch normalisation, max pool",
    equation: "z = maxpool(norm(ρ(W ∗ x + b))), ΔW = Σ_tyx (post factor · ρ') ⊗ x_tyx",
    citation: "Illing et al. 2021, Equations 8 and 9 (video encoder)",
    example: "type = \"conv3d\"\nchannels = 3\nkernel = [2, 3, 3]\nbatch_norm = true\nmax_pool = { size = [1, 2, 2] }\n",
}

/// Every neuron sees the whole map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Neurons.
    pub channels: usize,
    /// Whether ρ is ReLU; else the identity.
    #[serde(default = "yes")]
    pub relu: bool,
}

plugin! {
    Layer "dense": "All-to-all connections from a whole map, ReLU",
    equation: "z = ρ(W x + b), ΔW = (post factor · ρ') ⊗ x",
    citation: "Illing et al. 2021, Equations 8 and 9",
    keys: [
        channels = "", "1..=65536", "neurons";
        relu = "true", "true | false", "whether ρ is ReLU; else the identity";
    ],
    example: "type = \"dense\"\nchannels = 3\n",
    impl LayerSpec for Dense {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let shape = ConvShape {
                channels: neurons(self.channels)?,
                axes: ALL,
                kernel: input.extent,
                stride: [1; 3],
                padding: [0; 3],
                relu: self.relu,
                bias: true,
                initial: Initial::Uniform,
                batch_norm: false,
                pool: None,
            };
            Ok(Box::new(Conv::new(shape, input, device, random)?))
        }

        fn channels(&self) -> Option<usize> {
            Some(self.channels)
        }
    }
}

fn neurons(channels: usize) -> Result<usize> {
    if channels == 0 || channels > 1 << 16 {
        return Err(Error::config("channels", format!("{channels} is not in 1 … {}", 1 << 16)));
    }
    Ok(channels)
}

fn one() -> Sizes {
    Sizes::Same(1)
}
fn zero() -> Sizes {
    Sizes::Same(0)
}
fn yes() -> bool {
    true
}
fn is_yes(value: &bool) -> bool {
    *value
}
fn is_default(initial: &Initial) -> bool {
    *initial == Initial::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Buffer;
    use plasticity_core::layer::Phase;
    use plasticity_core::map::FeatureMap;
    use plasticity_core::random::stream;
    use serde_json::json;

    /// Builds a layer for a map of `extent` and runs it; returns the error.
    fn run(spec: serde_json::Value, extent: [usize; 3]) -> String {
        let device = Device::open().unwrap();
        let shape = MapShape { time: 1, location: 1, batch: 2, extent, channels: 1 };
        let spec: Box<dyn LayerSpec> = serde_json::from_value(spec).unwrap();
        let pass = |mut layer: Box<dyn EncoderLayer>| {
            let input = FeatureMap::new(shape, Buffer::zeros(&device, shape.len())?)?;
            layer.forward(&input, Phase::Learn).map(drop)
        };
        let error = spec.build(shape, &device, &mut stream(0, &[])).and_then(pass).err();
        error.map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn windows_that_would_see_padding_alone_are_refused() {
        let conv = |kernel: usize, padding: usize| {
            let sizes =
                json!({ "type": "conv2d", "channels": 2, "kernel": kernel, "padding": padding, "stride": 8 });
            run(sizes, [1, 6, 6])
        };
        assert_eq!((conv(2, 1), conv(3, 2)), (String::new(), String::new()));
        for (kernel, padding) in [(1, 1), (3, 3)] {
            let error = conv(kernel, padding);
            assert!(
                error.starts_with("padding: ") && error.contains("fewer zeros than the window"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_pool_has_254_positions_at_most() {
        let pool = |rows: usize, columns: usize| {
            let pool = json!({ "size": [rows, columns] });
            run(json!({ "type": "conv2d", "channels": 1, "kernel": 1, "max_pool": pool }), [1, 5, 127])
        };
        assert_eq!(pool(2, 127), "");
        for (rows, columns) in [(5, 51), (3, 85)] {
            assert_eq!(
                pool(rows, columns),
                format!("max_pool.size: [1, {rows}, {columns}] has more than 254 positions")
            );
        }
    }

    /// 65536 · 4096³ weights: if they were drawn before the check, this test would not end.
    #[test]
    fn sizes_are_checked_before_weights_are_drawn() {
        let conv = json!({ "type": "conv3d", "channels": 65536, "kernel": 4096, "padding": 4095 });
        let error = run(conv, [1, 1, 1]);
        assert!(error.contains("too many weights: 65536 × 1 × 4096 × 4096 × 4096"), "{error}");
        let error = run(json!({ "type": "conv1d", "channels": 4, "kernel": 4096 }), [4095, 1, 1]);
        assert!(error.contains("does not fit a map of [4095, 1, 1]"), "{error}");
    }

    #[test]
    fn dense_takes_maps_of_any_length_whose_weights_can_be_counted() {
        let dense = |channels: usize, steps: usize| {
            run(json!({ "type": "dense", "channels": channels }), [steps, 1, 1])
        };
        assert_eq!(dense(1, 20_480), "");
        assert!(dense(65_536, 1 << 15).contains("too many weights"));
        assert_eq!(dense(0, 4), "channels: 0 is not in 1 … 65536");
    }
}
