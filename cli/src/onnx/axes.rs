//! The axes that a network's maps have.

use super::graph::ints;
use super::messages::Attribute;
use plasticity_core::layer::LayerSpec;
use plasticity_core::{Error, Result};
use serde_json::Value;

/// The axes (of time, row and column) that the maps of a network have; along the others, all maps have one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes([bool; 3]);

impl Axes {
    /// The axes of the input `extent` and of the maps of these layers.
    ///
    /// # Errors
    /// If the config of a layer cannot be written.
    pub fn of(extent: [usize; 3], layers: &[Box<dyn LayerSpec>]) -> Result<Self> {
        let mut kinds = Vec::new();
        for layer in layers {
            names(&json(layer.as_ref())?, &mut kinds);
        }
        let has = |wanted: &[&str]| kinds.iter().any(|kind| wanted.contains(&kind.as_str()));
        let time = extent[0] > 1 || has(&["conv1d", "conv3d"]);
        let space = extent[1] > 1
            || extent[2] > 1
            || !time
            || has(&["conv2d", "conv3d", "residual", "pad", "max_pool", "avg_pool"]);
        Ok(Self([time, space, space]))
    }

    /// The sizes on only these axes.
    pub fn keep(self, sizes: [usize; 3]) -> Vec<usize> {
        sizes.into_iter().zip(self.0).filter_map(|(size, kept)| kept.then_some(size)).collect()
    }

    /// Whether maps have only the time axis.
    pub fn time_alone(self) -> bool {
        self.0 == [true, false, false]
    }

    /// The names of the axes after batch and channel.
    pub fn names(self) -> String {
        let names = ["time", "row", "column"].into_iter().zip(self.0);
        let kept = names.filter_map(|(name, kept)| kept.then_some(name));
        ["batch", "channel"].into_iter().chain(kept).collect::<Vec<_>>().join(", ")
    }

    /// An attribute of a node: sizes on these axes.
    pub fn attribute(self, name: &str, sizes: [usize; 3]) -> Attribute {
        ints(name, self.keep(sizes).into_iter().map(|size| size as i64).collect())
    }

    /// The same sizes twice: before and after each axis.
    pub fn both_sides(self, sizes: [usize; 3]) -> Vec<i64> {
        self.keep(sizes).repeat(2).into_iter().map(|size| size as i64).collect()
    }
}

/// The names of a layer and of all layers inside it, from its config.
fn names(layer: &Value, found: &mut Vec<String>) {
    found.extend(layer["type"].as_str().map(str::to_owned));
    let inside = layer["layers"].as_array().into_iter().flatten().chain(layer.get("layer"));
    inside.for_each(|inner| names(inner, found));
}

/// The config of a layer.
pub fn json(layer: &dyn LayerSpec) -> Result<Value> {
    serde_json::to_value(layer).map_err(|error| Error::config("encoder.layers", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn layers_inside_others_show_their_axes() {
        let conv = json!({ "type": "conv3d", "channels": 2, "kernel": 3 });
        let inverse = json!({ "type": "conv1d", "channels": 2, "kernel": 1 });
        for inside in [
            json!({ "type": "dtp", "layer": conv.clone(), "inverse": inverse }),
            json!({ "type": "block", "layers": [conv] }),
        ] {
            let layer: Box<dyn LayerSpec> = serde_json::from_value(inside).unwrap();
            assert_eq!(Axes::of([40, 1, 1], &[layer]).unwrap(), Axes([true; 3]));
        }
    }
}
