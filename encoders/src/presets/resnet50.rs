//! ResNet-50 as GIM trains it: its first three groups of blocks.

use crate::conv::{Conv2d, Sizes};
use crate::residual::ResidualSpec;
use crate::weights::Initial;
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::plugin;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A 5×5 convolution and three groups of bottleneck blocks.
///
/// The choices of Löwe, O'Connor and Veeling (2019), which Illing et al. (2021) compare with: pre-activation blocks, no
/// batch normalisation (statistics over the patches of a batch would carry information between them), no fourth group
/// (a patch of 16×16 is 4×4 after the third), no ReLU after the last block. The first group keeps the size of the map,
/// the others halve it. GIM's three modules are the groups, the first with the 5×5 convolution:
/// `modules = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13, 14]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResNet50 {
    /// Neurons at each position of the 5×5 convolution.
    pub stem: usize,
    /// Neurons at each position inside the blocks of each group; their output has four times as many.
    pub widths: Vec<usize>,
    /// Blocks in each group.
    pub blocks: Vec<usize>,
}

impl Default for ResNet50 {
    fn default() -> Self {
        Self { stem: 64, widths: vec![64, 128, 256], blocks: vec![3, 4, 6] }
    }
}

plugin! {
    Preset "resnet50": "ResNet-50 as GIM trains it: 5×5 convolution, then 3, 4 and 6 bottleneck blocks without normalisation",
    equation: "conv 5×5 64 · 3 blocks of 64/256 · 4 of 128/512, halved · 6 of 256/1024, halved",
    citation: "Löwe, O'Connor & Veeling 2019; He et al. 2016; Illing et al. 2021, Table 4",
    keys: [
        stem = "64", "1..=65536", "neurons at each position of the first convolution";
        widths = "[64, 128, 256]", "list of 1..=65536", "neurons at each position inside the blocks of each \
                                                    group: one or more (64/256: 64 inside, 256 at the \
                                                    output)";
        blocks = "[3, 4, 6]", "list of 1..", "blocks in each group: as many numbers as widths. halved: the \
                                        first block of the group has stride 2, so the map has half the rows \
                                        and columns";
    ],
    example: "preset = \"resnet50\"\nstem = 2\nwidths = [1, 2, 2]\nblocks = [1, 1, 1]\n",
    impl EncoderPreset for ResNet50 {
        fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>> {
            if self.widths.is_empty() || self.widths.len() != self.blocks.len() {
                let message =
                    format!("expected at least one, and as many as widths ({:?}); got {:?}", self.widths, self.blocks);
                return Err(Error::config("blocks", message));
            }
            if self.blocks.iter().any(|&count| count == 0 || count > 1000) {
                let message = format!("expected 1 to 1000 blocks in each group, got {:?}", self.blocks);
                return Err(Error::config("blocks", message));
            }
            let mut layers: Vec<Box<dyn LayerSpec>> = vec![Box::new(Conv2d {
                channels: self.stem,
                kernel: Sizes::Same(5),
                stride: Sizes::Same(1),
                padding: Sizes::Same(2),
                relu: false,
                bias: true,
                initial: Initial::Uniform,
                batch_norm: false,
                max_pool: None,
            })];
            for (group, (&width, &count)) in self.widths.iter().zip(&self.blocks).enumerate() {
                for block in 0..count {
                    let stride = if group > 0 && block == 0 { 2 } else { 1 };
                    layers.push(Box::new(ResidualSpec { width, expansion: 4, stride }));
                }
            }
            Ok(layers)
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
    fn a_patch_becomes_four_by_four_of_1024() {
        let layers = ResNet50::default().layers().unwrap();
        assert_eq!(layers.len(), 14);
        assert_eq!(layers[13].channels(), Some(1024));
        let small = ResNet50 { stem: 2, widths: vec![1, 1, 1], ..ResNet50::default() };
        let device = Device::open().unwrap();
        let mut shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 16, 16], channels: 1 };
        for layer in small.layers().unwrap() {
            shape = layer.build(shape, &device, &mut stream(0, &[])).unwrap().output(shape).unwrap();
        }
        assert_eq!(shape.extent, [1, 4, 4]);
    }

    #[test]
    fn groups_without_blocks_are_errors() {
        for blocks in [vec![3, 4], vec![3, 0, 6]] {
            let error = ResNet50 { blocks, ..ResNet50::default() }.layers().unwrap_err().to_string();
            assert!(error.starts_with("blocks"), "{error}");
        }
    }
}
