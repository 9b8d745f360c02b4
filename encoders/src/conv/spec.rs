//! Convolution layers as a config names them.

use super::{Conv, ConvShape, PoolSpec, Sizes};
use crate::kernels::Pool;
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

/// Declares a convolution spec over some of the axes; all have the same keys.
macro_rules! conv {
    ($(#[$doc:meta])* $type:ident, $axes:expr, $($plugin:tt)*) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            /// Neurons at each position.
            pub channels: usize,
            /// Taps on each axis.
            pub kernel: Sizes,
            /// Distance of windows on each axis.
            #[serde(default = "one")]
            pub stride: Sizes,
            /// Zeros on either side of each axis.
            #[serde(default = "zero")]
            pub padding: Sizes,
            /// Whether ρ is ReLU; else the identity.
            #[serde(default = "yes")]
            pub relu: bool,
            /// Whether batch normalisation follows ρ.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub batch_norm: bool,
            /// Max pool after these.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub max_pool: Option<PoolSpec>,
        }

        impl $type {
            /// The layer's sizes on time, row and column.
            ///
            /// # Errors
            /// Names the key that is out of range.
            pub fn shape(&self) -> Result<ConvShape> {
                let pool = self.max_pool.as_ref();
                let shape = shape($axes, self.channels, &self.kernel, &self.stride, &self.padding, self.relu, pool)?;
                Ok(ConvShape { batch_norm: self.batch_norm, ..shape })
            }
        }

        plugin! {
            $($plugin)*
            impl LayerSpec for $type {
                fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
                    Ok(Box::new(Conv::new(self.shape()?, input.channels, device, random)?))
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
    keys: [
        channels = "", "1 …", "neurons at each position";
        kernel = "", "1 …, one number or one a axis", "taps";
        stride = "1", "1 …, one number or one a axis", "distance of windows";
        padding = "0", "0 …, one number or one a axis", "zeros on either side";
        relu = "true", "true or false", "whether ρ is ReLU; else the identity";
        batch_norm = "false", "true or false", "whether batch normalisation follows ρ: batch statistics in learning, running ones in read-out";
        max_pool = "", "{ size, stride }", "max pool after these; stride is size where it is not said";
    ],
    example: "type = \"conv1d\"\nchannels = 3\nkernel = 4\nstride = 2\npadding = 1\n",
}

conv! {
    /// Convolution over rows and columns: images.
    Conv2d, SPACE,
    Layer "conv2d": "Convolution over rows and columns, ReLU, batch normalisation, max pool",
    equation: "z = maxpool(norm(ρ(W ∗ x + b))), ΔW = Σ_yx (post factor · ρ') ⊗ x_yx",
    citation: "Illing et al. 2021, Equations 8 and 9 (vision encoder)",
    keys: [
        channels = "", "1 …", "neurons at each position";
        kernel = "", "1 …, one number or one a axis", "taps";
        stride = "1", "1 …, one number or one a axis", "distance of windows";
        padding = "0", "0 …, one number or one a axis", "zeros on either side";
        relu = "true", "true or false", "whether ρ is ReLU; else the identity";
        batch_norm = "false", "true or false", "whether batch normalisation follows ρ: batch statistics in learning, running ones in read-out";
        max_pool = "", "{ size, stride }", "max pool after these; stride is size where it is not said";
    ],
    example: "type = \"conv2d\"\nchannels = 3\nkernel = 3\npadding = 1\nmax_pool = { size = 2 }\n",
}

conv! {
    /// Convolution over time, rows and columns: video.
    Conv3d, ALL,
    Layer "conv3d": "Convolution over time, rows and columns, ReLU, batch normalisation, max pool",
    equation: "z = maxpool(norm(ρ(W ∗ x + b))), ΔW = Σ_tyx (post factor · ρ') ⊗ x_tyx",
    citation: "Illing et al. 2021, Equations 8 and 9 (video encoder)",
    keys: [
        channels = "", "1 …", "neurons at each position";
        kernel = "", "1 …, one number or one a axis", "taps";
        stride = "1", "1 …, one number or one a axis", "distance of windows";
        padding = "0", "0 …, one number or one a axis", "zeros on either side";
        relu = "true", "true or false", "whether ρ is ReLU; else the identity";
        batch_norm = "false", "true or false", "whether batch normalisation follows ρ: batch statistics in learning, running ones in read-out";
        max_pool = "", "{ size, stride }", "max pool after these; stride is size where it is not said";
    ],
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
        channels = "", "1 …", "neurons";
        relu = "true", "true or false", "whether ρ is ReLU; else the identity";
    ],
    example: "type = \"dense\"\nchannels = 3\n",
    impl LayerSpec for Dense {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let size = |size: [usize; 3]| Sizes::Each(size.to_vec());
            let shape = shape(ALL, self.channels, &size(input.extent), &Sizes::Same(1), &Sizes::Same(0), self.relu, None)?;
            Ok(Box::new(Conv::new(shape, input.channels, device, random)?))
        }

        fn channels(&self) -> Option<usize> {
            Some(self.channels)
        }
    }
}

fn shape(
    axes: [bool; 3],
    channels: usize,
    kernel: &Sizes,
    stride: &Sizes,
    padding: &Sizes,
    relu: bool,
    pool: Option<&PoolSpec>,
) -> Result<ConvShape> {
    if channels == 0 || channels > 1 << 16 {
        return Err(Error::config("channels", format!("{channels} is not in 1 … {}", 1 << 16)));
    }
    let pool = pool
        .map(|pool| -> Result<Pool> {
            let size = pool.size.on(axes, 1, 1, "max_pool.size")?;
            if size.iter().product::<usize>() > 255 {
                return Err(Error::config("max_pool.size", format!("{size:?} has more than 255 positions")));
            }
            let stride = match &pool.stride {
                Some(stride) => stride.on(axes, 1, 1, "max_pool.stride")?,
                None => size,
            };
            Ok(Pool { size, stride })
        })
        .transpose()?;
    Ok(ConvShape {
        channels,
        axes,
        kernel: kernel.on(axes, 1, 1, "kernel")?,
        stride: stride.on(axes, 1, 1, "stride")?,
        padding: padding.on(axes, 0, 0, "padding")?,
        relu,
        batch_norm: false,
        pool,
    })
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
