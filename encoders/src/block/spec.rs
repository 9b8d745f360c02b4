//! The config of a block.

use super::Block;
use plasticity_core::device::Device;
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};

/// Layers that count as one: they share a number, a module, and a line of the probe's table.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockSpec {
    /// The layers, first to last.
    pub layers: Vec<Box<dyn LayerSpec>>,
}

plugin! {
    Layer "block": "A sequence of layers that counts as one layer, such as a convolution with normalisation and \
                    pooling",
    equation: "z = f_n(… f_2(f_1(x)))",
    citation: "the layers of SoftHebb: Journé et al. 2023",
    keys: [
        layers = "", "list of a layer", "the layers, first to last. A rule that uses summed inputs needs a \
                                         block in which exactly one layer learns, and uses those of this \
                                         layer";
    ],
    example: "type = \"block\"\nlayers = [{ type = \"pad\", size = 1 }, { type = \"conv2d\", channels = 3, kernel = 3, relu = false }, { type = \"triangle\" }]",
    impl LayerSpec for BlockSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if self.layers.is_empty() {
                return Err(Error::config("layers", "is empty: give one layer or more"));
            }
            let mut layers = Vec::new();
            let mut shape = input;
            for (index, spec) in self.layers.iter().enumerate() {
                let place = |error| match error {
                    Error::Config { place, message } => Error::config(format!("layers.{index}.{place}"), message),
                    other => Error::shape(format!("part {}", index + 1), other.to_string()),
                };
                let layer = spec.build(shape, device, random).map_err(place)?;
                if layer.is_context() {
                    let message = "is recurrent, and in a block it would not be a context: give it as a layer of its own";
                    return Err(place(Error::config("type", message)));
                }
                shape = layer.output(shape).map_err(place)?;
                layers.push(layer);
            }
            Ok(Box::new(Block::new(layers)))
        }

        fn channels(&self) -> Option<usize> {
            self.layers.iter().rev().find_map(|layer| layer.channels())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use plasticity_core::random::stream;

    const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 3, extent: [1, 4, 4], channels: 2 };

    #[test]
    fn updates_and_feedback_follow_finite_differences() {
        let spec = r#"{ "type": "block", "layers": [
            { "type": "batch_norm" },
            { "type": "pad", "size": 1 },
            { "type": "conv2d", "channels": 4, "kernel": 3, "relu": false },
            { "type": "triangle", "power": 1.4 },
            { "type": "max_pool", "size": 4, "stride": 2, "padding": 1 }
        ] }"#;
        check(spec, SHAPE, true);
        check(spec, SHAPE, false);
    }

    #[test]
    fn parameters_have_the_place_of_their_layer_where_two_layers_share_a_name() {
        let names = |spec: &str| -> Vec<String> {
            let spec: Box<dyn LayerSpec> = serde_json::from_str(spec).unwrap();
            let mut layer = spec.build(SHAPE, &Device::open().unwrap(), &mut stream(1, &[])).unwrap();
            layer.parameters().iter().map(|parameter| parameter.name().to_owned()).collect()
        };
        let conv = r#"{ "type": "conv2d", "channels": 2, "kernel": 1 }"#;
        let one = format!(r#"{{ "type": "block", "layers": [{conv}, {{ "type": "triangle" }}] }}"#);
        assert_eq!(names(&one), ["1.weight", "1.bias"]);
        let two = format!(r#"{{ "type": "block", "layers": [{conv}, {conv}] }}"#);
        assert_eq!(names(&two), ["1.weight", "1.bias", "2.weight", "2.bias"]);
    }

    #[test]
    fn an_error_of_a_part_names_its_key() {
        let spec: BlockSpec = serde_json::from_str(
            r#"{ "layers": [{ "type": "pad", "size": 1 }, { "type": "avg_pool", "size": 0 }] }"#,
        )
        .unwrap();
        let error = spec.build(SHAPE, &Device::open().unwrap(), &mut stream(1, &[])).err().unwrap();
        assert!(error.to_string().starts_with("layers.1.size: "), "{error}");
    }

    #[test]
    fn a_recurrent_part_is_refused() {
        let spec: BlockSpec =
            serde_json::from_str(r#"{ "layers": [{ "type": "conv1d", "channels": 3, "kernel": 1 }, { "type": "gru", "hidden": 2 }] }"#).unwrap();
        let sequence = MapShape { extent: [4, 1, 1], ..SHAPE };
        let error =
            spec.build(sequence, &Device::open().unwrap(), &mut stream(1, &[])).err().unwrap().to_string();
        assert!(error.starts_with("layers.1.type: ") && error.contains("a layer of its own"), "{error}");
    }
}
