//! The config of a bottleneck block.

use super::{Block, Residual};
use plasticity_core::device::Device;
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// Config of the layer `residual`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualSpec {
    /// Neurons at each position inside the block.
    pub width: usize,
    /// Neurons at each position of the output, divided by `width`.
    #[serde(default = "four")]
    pub expansion: usize,
    /// Step between windows of the 3×3 convolution and the shortcut.
    #[serde(default = "one")]
    pub stride: usize,
}

fn four() -> usize {
    4
}
fn one() -> usize {
    1
}

plugin! {
    Layer "residual": "Bottleneck block with a shortcut: 1×1, 3×3 and 1×1 convolutions, each after a ReLU; no normalisation",
    equation: "z = W₃ ρ(W₂ ρ(W₁ ρ(x))) + (x, or W_s ρ(x) where sizes change)",
    citation: "He et al. 2016 (pre-activation); Löwe, O'Connor & Veeling 2019 (GIM's ResNet-50, without batch normalisation)",
    keys: [
        width = "", "1..=65536", "neurons at each position inside the block";
        expansion = "4", "1..=64", "neurons at each position of the output, divided by width";
        stride = "1", "1..=4096", "step between windows of the 3×3 convolution and the shortcut";
    ],
    example: "type = \"residual\"\nwidth = 2\nexpansion = 2\nstride = 2\n",
    impl LayerSpec for ResidualSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            for (key, value, most) in
                [("width", self.width, 1 << 16), ("expansion", self.expansion, 64), ("stride", self.stride, 4096)]
            {
                if value == 0 || value > most {
                    return Err(Error::config(key, format!("{value} is not in 1 … {most}")));
                }
            }
            let block =
                Block { width: self.width, channels: self.width * self.expansion, stride: self.stride };
            Ok(Box::new(Residual::new(block, input, device, random)?))
        }

        fn channels(&self) -> Option<usize> {
            Some(self.width.saturating_mul(self.expansion))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use plasticity_core::random::stream;

    fn input(channels: usize) -> MapShape {
        MapShape { time: 1, location: 1, batch: 3, extent: [1, 4, 3], channels }
    }

    #[test]
    fn updates_and_feedback_follow_finite_differences() {
        check(r#"{ "type": "residual", "width": 3, "expansion": 2 }"#, input(6), true);
        check(r#"{ "type": "residual", "width": 2, "expansion": 2, "stride": 2 }"#, input(3), false);
        check(r#"{ "type": "residual", "width": 2 }"#, input(3), false);
    }

    #[test]
    fn a_block_that_changes_nothing_has_no_weights_on_its_shortcut() {
        let device = Device::open().unwrap();
        let names = |channels: usize| -> Vec<String> {
            let spec = ResidualSpec { width: 2, expansion: 2, stride: 1 };
            let mut layer = spec.build(input(channels), &device, &mut stream(0, &[])).unwrap();
            layer.parameters().iter().map(|parameter| parameter.name().to_owned()).collect()
        };
        assert_eq!(names(4)[4..], ["conv3.weight", "conv3.bias"]);
        assert_eq!(names(3)[6..], ["shortcut.weight", "shortcut.bias"]);
    }

    #[test]
    fn a_block_of_too_many_weights_is_an_error() {
        let spec = ResidualSpec { width: 1 << 16, expansion: 1, stride: 1 };
        let made = spec.build(input(3), &Device::open().unwrap(), &mut stream(0, &[]));
        let error = made.err().unwrap().to_string();
        assert!(error.contains("too many weights: 65536 × 65536 × 1 × 3 × 3"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_the_key() {
        let device = Device::open().unwrap();
        for (key, width, expansion, stride) in
            [("width", 0, 4, 1), ("expansion", 2, 65, 1), ("stride", 2, 4, 0)]
        {
            let spec = ResidualSpec { width, expansion, stride };
            let error = spec.build(input(3), &device, &mut stream(0, &[])).err().unwrap().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
