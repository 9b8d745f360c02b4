//! Builds a network with new weights from specs.

use super::{Module, Network, Role, Slot};
use crate::optimiser::{Optimiser, OptimiserSpec};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{ContextSource, Demands, Each, Level, RuleSpec, Site};
use plasticity_core::random::{purpose, stream};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};
use std::collections::BTreeSet;
use std::ops::Range;

/// The parts of a network.
pub struct NetworkPlan<'a> {
    /// The layers, first to last.
    pub layers: &'a [Box<dyn LayerSpec>],
    /// Which layers (from 0) share a module: see [`crate::modules`].
    pub modules: &'a [Range<usize>],
    /// The rule of every module.
    pub rule: &'a dyn RuleSpec,
    /// The optimiser of every module, or one for each module.
    pub optimiser: Each<OptimiserSpec>,
    /// A factor on its rate for each module; `None`: 1.
    pub module_rates: Option<&'a [f32]>,
    /// The encoder's input for a full batch.
    pub input: MapShape,
    /// The number of classes, if the stimuli are labelled.
    pub classes: Option<usize>,
    /// The seed of the initial weights.
    pub seed: u64,
}

/// Refuses stimuli from which a rule cannot learn: without labels, with another number of views than it needs,
/// or with patches in place of whole views. `one` is the input for one stimulus.
pub(crate) fn suits(rule: &dyn RuleSpec, classes: Option<usize>, one: MapShape) -> Result<()> {
    let demands = rule.demands();
    if demands.labels && classes.is_none() {
        let message = "the rule needs labels, but these stimuli have none: for folders of images, set \
                       stimulus.source.path to the folder of stimulus.labelled.train; for STL-10, set \
                       stimulus.source.learn = \"train\"";
        return Err(Error::config("stimulus", message));
    }
    let (views, steps) = (one.batch, one.time * one.extent[0]);
    let Some(needed) = demands.views(steps) else { return Ok(()) };
    // Two views of a grid of patches show two random crops: patches at the same place are no views of each other.
    let patches = needed > 1 && one.location > 1;
    if needed == views && !patches {
        return Ok(());
    }
    let noun = if needed == 1 { "view" } else { "views" };
    let (whole, cut, remedy) =
        if patches { (" whole", ", in patches", " and patch = false") } else { ("", "", "") };
    let message = format!(
        "the rule needs {needed} {noun} of each{whole} stimulus, but these stimuli have {views}{cut}: set \
         [stimulus] views = {needed}{remedy} (images)"
    );
    Err(Error::config("stimulus", message))
}

/// Refuses batches that are too small for a rule that compares stimuli; `views` are the views of each.
fn fits(demands: &Demands, batch: usize, views: usize) -> Result<()> {
    let (least, stimuli) = (demands.least_batch, batch / views.max(1));
    if stimuli < least {
        let message = format!(
            "is {stimuli}, but the rule compares stimuli and needs at least {least} in a batch: raise it"
        );
        return Err(Error::config("training.batch", message));
    }
    Ok(())
}

/// Refuses a module whose output has one step in time, if the rule compares steps in time and the stimuli have no views
/// that it could compare instead. `steps` are those of the stimuli.
fn keeps_time(demands: &Demands, steps: usize, seen: &[RepresentationShape]) -> Result<()> {
    let needed = demands.views(1).filter(|_| demands.views(steps).is_none());
    match needed.zip(seen.iter().position(|seen| seen.time < 2)) {
        None => Ok(()),
        Some((views, module)) => {
            let message = format!(
                "module {} has one step in time; this rule needs two: use layers that keep the steps, or stimuli with \
                 one step and views = {views} (images)",
                module + 1
            );
            Err(Error::config("encoder", message))
        }
    }
}

/// Builds the layers and returns them with the shapes of their outputs.
fn layers(plan: &NetworkPlan, demands: &Demands, device: &Device) -> Result<(Vec<Slot>, Vec<MapShape>)> {
    let mut input = demands.prepared(plan.input);
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
                "the map has no positions left: the stimulus is too small",
            ));
        }
        shapes.push(input);
        slots.push(Slot { name: (index + 1).to_string(), layer, rate: 1.0 });
    }
    Ok((slots, shapes))
}

/// Puts `encoder.layers` before the key of a layer's config, so that it can be found in the file.
fn in_layer(index: usize, error: Error) -> Error {
    match error {
        config @ Error::Config { .. } => config.under(&format!("encoder.layers.{index}")),
        other => Error::shape(format!("layer {}", index + 1), other.to_string()),
    }
}

/// Puts `rule` before the key of a rule's config.
fn in_module(index: usize, error: Error) -> Error {
    match error {
        config @ Error::Config { .. } => config.under("rule"),
        other => Error::shape(format!("module {}", index + 1), other.to_string()),
    }
}

/// The representation that the rule makes of the map of a module (from 0).
fn pooled(map: MapShape, demands: &Demands, module: usize) -> Result<RepresentationShape> {
    RepresentationShape::of(map, demands.pooling(module)).map_err(|error| {
        let message = format!("module {}: {error}: use smaller blocks", module + 1);
        Error::config("rule.pool", message)
    })
}

/// The shape of the summed inputs, if the rule uses them. It is found by showing one silent
/// stimulus to the layer, or two, because batch normalisation needs them. If nothing can be computed
/// (on a sizing handle), the shape of the output is used.
fn activation(
    slots: &mut [Slot],
    index: usize,
    input: MapShape,
    level: Level,
    device: &Device,
) -> Result<MapShape> {
    if device.is_sizing() {
        return slots[index].layer.output(input).map_err(|error| in_layer(index, error));
    }
    let few = MapShape { batch: input.batch.min(2), ..input };
    let silent = FeatureMap::new(few, Buffer::zeros(device, few.len())?)?;
    match slots[index]
        .layer
        .activation(&silent, level == Level::Potential)
        .map_err(|error| in_layer(index, error))?
    {
        Some(activation) => Ok(MapShape { batch: input.batch, ..activation.shape() }),
        None => {
            let message =
                "does not provide the summed inputs that the rule needs: use another layer or another rule";
            Err(Error::shape(format!("layer {}", index + 1), message))
        }
    }
}

/// Checks that all names of parameters differ, because parameters are saved by name.
fn check_names(network: &mut Network) -> Result<()> {
    let mut names = BTreeSet::new();
    for (name, _) in network.parameters() {
        if let Some(twice) = names.replace(name) {
            let message = format!("two parameters have the name `{twice}`: rename one");
            return Err(Error::shape("network", message));
        }
    }
    Ok(())
}

impl Network {
    /// Builds the network with new weights.
    ///
    /// # Errors
    /// If a layer or module cannot be built; the error names it and the reason.
    pub fn build(plan: &NetworkPlan, device: &Device) -> Result<Self> {
        let demands = plan.rule.demands();
        // A full batch must hold the views of several stimuli.
        let steps = plan.input.time * plan.input.extent[0];
        let needed = demands.views(steps).unwrap_or(1);
        let views = if plan.input.batch.is_multiple_of(needed.max(1)) { needed } else { plan.input.batch };
        suits(plan.rule, plan.classes, MapShape { batch: views, ..plan.input })?;
        fits(&demands, plan.input.batch, needed)?;
        let (mut slots, shapes) = layers(plan, &demands, device)?;
        if slots.is_empty() || plan.modules.is_empty() {
            return Err(Error::config("encoder", "has no layers"));
        }
        let below = |layer: usize| if layer == 0 { demands.prepared(plan.input) } else { shapes[layer - 1] };
        let summed = demands.level.is_summed();
        let mut seen = Vec::new();
        for (index, layers) in plan.modules.iter().enumerate() {
            let shape = if summed {
                activation(&mut slots, layers.end - 1, below(layers.end - 1), demands.level, device)?
            } else {
                shapes[layers.end - 1]
            };
            seen.push(pooled(shape, &demands, index)?);
        }
        keeps_time(&demands, steps, &seen)?;
        if let Some(rates) = plan.module_rates.filter(|rates| rates.len() != plan.modules.len()) {
            let message = format!(
                "{} factors for {} modules: give one for each module",
                rates.len(),
                plan.modules.len()
            );
            return Err(Error::config("training.module_rates", message));
        }
        let last = plan.modules.len() - 1;
        let mut modules = Vec::new();
        for (index, layers) in plan.modules.iter().enumerate() {
            let pooling = demands.pooling(index);
            let last_layer = layers.end - 1;
            let target = if !summed && slots[last_layer].layer.is_context() {
                pooled(below(last_layer), &demands, index)?
            } else {
                seen[index]
            };
            let above = demands.context == ContextSource::Above && index < last;
            let site = Site::new(device, target)
                .with_context(if above { seen[index + 1] } else { seen[index] })
                .with_top(seen[last])
                .with_module(index, plan.modules.len())
                .with_classes(plan.classes);
            let mut random = stream(plan.seed, &[purpose::RULE, index as u64]);
            let rule = plan.rule.build(&site, &mut random).map_err(|error| in_module(index, error))?;
            let factor = plan.module_rates.and_then(|rates| rates.get(index)).copied().unwrap_or(1.0);
            let optimiser = plan.optimiser.of("training.optimiser", &site)?;
            modules.push(Module {
                role: Role::Learn,
                level: demands.level,
                layers: layers.clone(),
                rule,
                pooling,
                target,
                context: demands.context,
                optimiser: Optimiser::new(optimiser.scaled(factor)),
            });
        }
        let mut network = Self { slots, modules, device: device.clone() };
        check_names(&mut network)?;
        Ok(network)
    }
}
