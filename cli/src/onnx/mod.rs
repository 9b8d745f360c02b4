//! A network as an [ONNX](https://onnx.ai) graph, which other programs can run. Its outputs are the maps of all
//! layers, by name.
//!
//! The kind of a layer comes from its name in the config, and its weights from their names in checkpoints. So
//! the trait for layers need not know ONNX.

mod axes;
mod graph;
mod layers;
mod messages;

use crate::loaded::Loaded;
use axes::Axes;
use graph::Graph;
use layers::Writer;
use messages::{Entry, Model, Opset};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::PlasticityRule;
use plasticity_core::{Error, Result};
use prost::Message;

/// The version of the format.
const FORMAT: i64 = 8;
/// The version of the operations: the last one in which `ReduceMean` has its axes as an attribute. More
/// programs support this form.
const OPERATIONS: i64 = 17;
/// The largest size of a protobuf message.
const MOST: usize = i32::MAX as usize;

/// The first `count` layers of a run's trained network as a file of ONNX.
///
/// # Errors
/// If there is no form of a layer or of the rule in ONNX (the error names it), or the file would be larger than 2 GB.
pub fn model(loaded: &Loaded, count: usize) -> Result<Vec<u8>> {
    let input = loaded.experiment.stimulus().shape(1);
    let shapes = loaded.trained.shapes(input)?;
    sees_its_input(loaded, &shapes, count)?;
    let config = loaded.experiment.config();
    let specs = &config.encoder.layers[..count];
    let axes = Axes::of(input.extent, specs)?;
    let mut writer = Writer { graph: Graph::default(), axes, state: &loaded.stored.checkpoint.state };
    let axes_of = |channels: usize, extent: [usize; 3]| -> Vec<usize> {
        std::iter::once(channels).chain(axes.keep(extent)).collect()
    };
    let doc = format!("{}; normalised, and each patch of an image by itself", axes.names());
    writer.graph.input("input", &axes_of(input.channels, input.extent), &doc);
    let mut x = "input".to_owned();
    for (index, (spec, shape)) in specs.iter().zip(&shapes).enumerate() {
        let name = format!("layer{}", index + 1);
        let made =
            writer.layer(spec.as_ref(), &format!("layer.{index}"), &x).map_err(|error| match error {
                Error::Shape { message, .. } => Error::shape(format!("layer {}", index + 1), message),
                other => other,
            })?;
        writer.graph.output(&made, &name, &axes_of(shape.channels, shape.extent), &axes.names());
        x = name;
    }
    let about = [("axes", axes.names()), ("step", loaded.step().to_string()), ("config", config.to_toml()?)];
    let entry = |(key, value): (&str, String)| Entry { key: key.to_owned(), value };
    let model = Model {
        ir_version: FORMAT,
        producer_name: "plasticity".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(writer.graph.into_message("encoder", "The encoder of a run, with running statistics")),
        opset_import: vec![Opset { version: OPERATIONS }],
        metadata: about.into_iter().map(entry).collect(),
    };
    if model.encoded_len() > MOST {
        return Err(Error::shape(
            "ONNX",
            "holds 2 GB at most, and these weights are more: name fewer with --layers",
        ));
    }
    Ok(model.encode_to_vec())
}

/// Refuses rules that change the stimuli before the network sees them, or the map that one of the first `count` layers
/// gets from the module below.
fn sees_its_input(loaded: &Loaded, shapes: &[MapShape], count: usize) -> Result<()> {
    let input = loaded.experiment.stimulus().shape(1);
    let below = |layer: usize| if layer == 0 { input } else { shapes[layer - 1] };
    let modules = loaded.trained.modules().iter().filter(|module| module.layers().start < count);
    let inputs: Vec<_> = modules.map(|module| (module.rule(), below(module.layers().start))).collect();
    let Some(changed) = changes(&inputs, loaded.trained.device())? else { return Ok(()) };
    let what = match changed {
        0 => "the stimuli before the network sees them".to_owned(),
        _ => format!("the map that module {} gets from the module below", changed + 1),
    };
    let message = format!("changes {what}, which an ONNX graph cannot do: export a run of another rule");
    Err(Error::config(loaded.config().place("rule"), message))
}

/// The first module, from 0, whose rule changes its input before a probe. Each rule comes with the shape of its input.
fn changes(inputs: &[(&dyn PlasticityRule, MapShape)], device: &Device) -> Result<Option<usize>> {
    for (module, (rule, shape)) in inputs.iter().enumerate() {
        let silent = FeatureMap::new(*shape, Buffer::zeros(device, shape.len())?)?;
        let changed = match module {
            0 => rule.prepare_probe(&silent)?,
            _ => rule.prepare_probe_from_below(&silent)?,
        };
        if changed.is_some() {
            return Ok(Some(module));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::draws::Draws;
    use plasticity_core::plasticity::{RuleUpdate, Signals};

    /// Changes what it gets from the module below, or nothing.
    struct Above(bool);

    impl PlasticityRule for Above {
        fn update(&mut self, _: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
            Err(Error::shape("above", "does not learn"))
        }

        fn prepare_probe_from_below(&self, below: &FeatureMap) -> Result<Option<FeatureMap>> {
            Ok(self.0.then(|| below.clone()))
        }
    }

    #[test]
    fn a_rule_of_a_later_module_may_change_what_it_gets() {
        let device = Device::open().unwrap();
        let shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 2, 2], channels: 1 };
        for (rules, expected) in [([false, false], None), ([true, false], None), ([false, true], Some(1))] {
            let rules = rules.map(Above);
            let inputs = rules.each_ref().map(|rule| (rule as &dyn PlasticityRule, shape));
            assert_eq!(changes(&inputs, &device).unwrap(), expected, "{expected:?}");
        }
    }
}
