//! VGG-6: the paper's encoder for images.

use crate::conv::{Conv2d, PoolSpec, Sizes};
use crate::weights::Initial;
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::plugin;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Six 3×3 convolutions with ReLU; max pools of 2×2 after the second, fourth, fifth and sixth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vgg6 {
    /// Neurons at each position of each layer.
    #[serde(default = "paper")]
    pub widths: Vec<usize>,
}

/// Layers (from 0) followed by a max pool.
const POOLED: [usize; 4] = [1, 3, 4, 5];

fn paper() -> Vec<usize> {
    vec![128, 256, 256, 512, 1024, 1024]
}

plugin! {
    Preset "vgg6": "Six 3×3 convolutions with ReLU, four max pools: the paper's encoder for images",
    equation: "conv 128 · conv 256, pool · conv 256 · conv 512, pool · conv 1024, pool · conv 1024, pool",
    citation: "Illing et al. 2021, Table 2 in Appendix B.1; after Simonyan & Zisserman 2015",
    keys: [
        widths = "[128, 256, 256, 512, 1024, 1024]", "6 of 1..=65536", "neurons at each position of each layer";
    ],
    example: "preset = \"vgg6\"\nwidths = [2, 2, 3, 3, 4, 4]\n",
    impl EncoderPreset for Vgg6 {
        fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>> {
            if self.widths.len() != 6 {
                let message = format!("vgg6 has six layers, got {} widths", self.widths.len());
                return Err(Error::config("widths", message));
            }
            let layer = |(index, &channels): (usize, &usize)| -> Box<dyn LayerSpec> {
                let max_pool = POOLED.contains(&index).then_some(PoolSpec { size: Sizes::Same(2), stride: None });
                Box::new(Conv2d {
                    channels,
                    kernel: Sizes::Same(3),
                    stride: Sizes::Same(1),
                    padding: Sizes::Same(1),
                    relu: true,
                    bias: true,
                    initial: Initial::Uniform,
                    batch_norm: false,
                    max_pool,
                })
            };
            Ok(self.widths.iter().enumerate().map(layer).collect())
        }
    }
}
