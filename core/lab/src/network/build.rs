//! From specs to a network with fresh weights.

use super::{Module, Network, Slot};
use crate::optimiser::{Optimiser, OptimiserSpec};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{ContextSource, Level, RuleContext, RuleSpec};
use plasticity_core::random::{purpose, stream};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};
use std::collections::BTreeSet;
use std::ops::Range;

/// All that a network is made of.
pub struct NetworkPlan<'a> {
    /// The layers, first to last.
    pub layers: &'a [Box<dyn LayerSpec>],
    /// Which layers (from 0) share a module: see [`crate::modules`].
    pub modules: &'a [Range<usize>],
    /// The rule of every module.
    pub rule: &'a dyn RuleSpec,
    /// The optimiser of every module.
    pub optimiser: OptimiserSpec,
    /// The encoder's input for a full batch.
    pub input: MapShape,
    /// How many classes the stimuli have, where they are labelled.
    pub classes: Option<usize>,
    /// The seed of the initial weights.
    pub seed: u64,
}

/// Makes the layers and returns them with their outputs.
fn layers(plan: &NetworkPlan, device: &Device) -> Result<(Vec<Slot>, Vec<MapShape>)> {
    let mut input = plan.rule.prepared(plan.input);
    let mut slots = Vec::new();
    let mut shapes = Vec::new();
    for (index, spec) in plan.layers.iter().enumerate() {
        let mut random = stream(plan.seed, &[purpose::LAYER, index as u64]);
        let place = |error: Error| in_layer(index, error);
        let layer: Box<dyn EncoderLayer> = spec.build(input, device, &mut random).map_err(place)?;
        input = layer.output(input).map_err(place)?;
        if input.is_empty() {
            return Err(Error::shape(
                format!("layer {}", index + 1),
                "nothing is left of the map: the stimulus is too small",
            ));
        }
        shapes.push(input);
        slots.push(Slot { name: (index + 1).to_string(), layer });
    }
    Ok((slots, shapes))
}

/// A key of a layer's config stands below `encoder.layers`, where it can be found in the file.
fn in_layer(index: usize, error: Error) -> Error {
    match error {
        config @ Error::Config { .. } => config.under(&format!("encoder.layers.{index}")),
        other => Error::shape(format!("layer {}", index + 1), other.to_string()),
    }
}

/// A key of a rule's config stands below `rule`.
fn in_module(index: usize, error: Error) -> Error {
    match error {
        config @ Error::Config { .. } => config.under("rule"),
        other => Error::shape(format!("module {}", index + 1), other.to_string()),
    }
}

/// The summed inputs that a rule works on, where it asks for them: found by showing the layer one silent stimulus.
fn activation(slots: &mut [Slot], index: usize, input: MapShape, device: &Device) -> Result<MapShape> {
    let one = MapShape { batch: 1, ..input };
    let silent = FeatureMap::new(one, Buffer::zeros(device, one.len())?)?;
    match slots[index].layer.activation(&silent).map_err(|error| in_layer(index, error))? {
        Some(activation) => Ok(MapShape { batch: input.batch, ..activation.shape() }),
        None => {
            let message = "shows no summed inputs, which the rule works on: \
                           use conv1d, conv2d, conv3d or dense, without batch_norm";
            Err(Error::shape(format!("layer {}", index + 1), message))
        }
    }
}

/// Parameters are saved by name, so that none may have another's.
fn check_names(network: &Network) -> Result<()> {
    let mut names = BTreeSet::new();
    for (name, _) in network.parameters() {
        if let Some(twice) = names.replace(name) {
            let message = format!("two parameters are called `{twice}`: give each a name of its own");
            return Err(Error::shape("network", message));
        }
    }
    Ok(())
}

/// The input of a layer.
fn below(plan: &NetworkPlan, shapes: &[MapShape], layer: usize) -> MapShape {
    if layer == 0 { plan.rule.prepared(plan.input) } else { shapes[layer - 1] }
}

impl Network {
    /// Makes the network with fresh weights.
    ///
    /// # Errors
    /// Names the layer or module that cannot be made, and why.
    pub fn build(plan: &NetworkPlan, device: &Device) -> Result<Self> {
        let (mut slots, shapes) = layers(plan, device)?;
        if slots.is_empty() || plan.modules.is_empty() {
            return Err(Error::config("encoder", "has no layers"));
        }
        let summed = plan.rule.level() == Level::Activation;
        let mut seen = Vec::new();
        for (index, layers) in plan.modules.iter().enumerate() {
            let shape = if summed {
                let input = below(plan, &shapes, layers.end - 1);
                activation(&mut slots, layers.end - 1, input, device)?
            } else {
                shapes[layers.end - 1]
            };
            seen.push(RepresentationShape::of(shape, plan.rule.pooling(index))?);
        }
        let last = plan.modules.len() - 1;
        let mut modules = Vec::new();
        for (index, layers) in plan.modules.iter().enumerate() {
            let pooling = plan.rule.pooling(index);
            let last_layer = layers.end - 1;
            let target = if !summed && slots[last_layer].layer.is_context() {
                RepresentationShape::of(below(plan, &shapes, last_layer), pooling)?
            } else {
                seen[index]
            };
            let above = plan.rule.context() == ContextSource::Above && index < last;
            let context = RuleContext {
                target,
                context: if above { seen[index + 1] } else { seen[index] },
                top: seen[last],
                module: index,
                modules: plan.modules.len(),
                classes: plan.classes,
                device,
            };
            let mut random = stream(plan.seed, &[purpose::RULE, index as u64]);
            let rule = plan.rule.build(&context, &mut random).map_err(|error| in_module(index, error))?;
            let optimiser = Optimiser::new(plan.optimiser);
            modules.push(Module {
                level: plan.rule.level(),
                layers: layers.clone(),
                rule,
                pooling,
                context: plan.rule.context(),
                optimiser,
            });
        }
        let network = Self { slots, modules, device: device.clone() };
        check_names(&network)?;
        Ok(network)
    }
}
