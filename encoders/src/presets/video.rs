//! The paper's encoder for video.

use crate::conv::{Conv3d, PoolSpec, Sizes};
use crate::weights::Initial;
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::plugin;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Five 3-D convolutions, each with ReLU and batch normalisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Video {
    /// Neurons at each position of each layer.
    #[serde(default = "paper")]
    pub widths: Vec<usize>,
}

fn paper() -> Vec<usize> {
    vec![96, 256, 512, 512, 512]
}

/// Kernel, stride, padding, and whether a pool follows.
type LayerSizes = ([usize; 3], [usize; 3], [usize; 3], bool);

/// Kernel, stride and padding on time, row and column, and whether a max pool of 1×3×3 with stride 1, 2, 2 follows.
const LAYERS: [LayerSizes; 5] = [
    ([1, 7, 7], [1, 2, 2], [0, 0, 0], true),
    ([1, 5, 5], [1, 2, 2], [0, 1, 1], true),
    ([1, 3, 3], [1, 1, 1], [0, 1, 1], false),
    ([3, 3, 3], [3, 1, 1], [0, 1, 1], false),
    ([3, 3, 3], [3, 1, 1], [0, 1, 1], true),
];

plugin! {
    Preset "video": "Five 3-D convolutions with ReLU and batch normalisation, three max pools: the paper's encoder for video",
    equation: "conv 1×7×7 96, pool · conv 1×5×5 256, pool · conv 1×3×3 512 · conv 3×3×3 512 · conv 3×3×3 512, pool",
    citation: "Illing et al. 2021, appendix B.3",
    keys: [
        widths = "[96, 256, 512, 512, 512]", "5 of 1..=65536", "neurons at each position of each layer";
    ],
    example: "preset = \"video\"\nwidths = [2, 2, 3, 3, 3]\n",
    impl EncoderPreset for Video {
        fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>> {
            if self.widths.len() != LAYERS.len() {
                let message = format!("video has five layers, got {} widths", self.widths.len());
                return Err(Error::config("widths", message));
            }
            let layer = |(&channels, (kernel, stride, padding, pooled)): (&usize, _)| -> Box<dyn LayerSpec> {
                let sizes = |sizes: [usize; 3]| Sizes::Each(sizes.to_vec());
                let pool = || PoolSpec { size: sizes([1, 3, 3]), stride: Some(sizes([1, 2, 2])) };
                Box::new(Conv3d {
                    channels,
                    kernel: sizes(kernel),
                    stride: sizes(stride),
                    padding: sizes(padding),
                    relu: true,
                    bias: true,
                    initial: Initial::Uniform,
                    batch_norm: true,
                    max_pool: bool::then(pooled, pool),
                })
            };
            Ok(self.widths.iter().zip(LAYERS).map(layer).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Device;
    use plasticity_core::map::MapShape;
    use plasticity_core::random::stream;

    #[test]
    fn the_papers_clips_become_six_steps_of_two_by_two() {
        let device = Device::open().unwrap();
        let mut shape = MapShape { time: 1, location: 1, batch: 8, extent: [54, 128, 128], channels: 3 };
        let mut extents = Vec::new();
        for layer in (Video { widths: vec![1; 5] }).layers().unwrap() {
            shape = layer.build(shape, &device, &mut stream(0, &[])).unwrap().output(shape).unwrap();
            extents.push(shape.extent);
        }
        // 128 → 61 → 30 → 14 → 6 → 6 → 6 → 6 → 2.
        assert_eq!(extents, [[54, 30, 30], [54, 6, 6], [54, 6, 6], [18, 6, 6], [6, 2, 2]]);
    }

    #[test]
    fn another_number_of_widths_is_an_error() {
        let error = Video { widths: vec![1; 4] }.layers().unwrap_err().to_string();
        assert_eq!(error, "widths: video has five layers, got 4 widths");
    }
}
