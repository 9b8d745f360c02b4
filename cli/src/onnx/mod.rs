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
use plasticity_core::device::Buffer;
use plasticity_core::map::FeatureMap;
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
    sees_its_input(loaded)?;
    let shapes = loaded.trained.shapes(input)?;
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

/// Refuses rules that change the stimuli before the network sees them.
fn sees_its_input(loaded: &Loaded) -> Result<()> {
    let shape = loaded.experiment.stimulus().shape(1);
    let silent = FeatureMap::new(shape, Buffer::zeros(loaded.trained.device(), shape.len())?)?;
    let Some(first) = loaded.trained.modules().first() else { return Ok(()) };
    match first.rule().prepare_probe(&silent)? {
        None => Ok(()),
        Some(_) => {
            let message = "changes the stimuli before the network sees them, which an ONNX graph cannot do: export a run of \
                           another rule";
            Err(Error::config(loaded.config().place("rule"), message))
        }
    }
}
