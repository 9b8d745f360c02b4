//! The forward pass of one module, with everything that its update needs.

use super::{Module, Slot};
use plasticity_core::device::Buffer;
use plasticity_core::draws::{Draws, LAYERS};
use plasticity_core::layer::{Lateral, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::plasticity::Level;
use plasticity_core::representation::{Pooling, Representation};
use plasticity_core::stage;
use plasticity_core::{Error, Result};
use std::sync::{Arc, Once};

/// Makes a warning appear once: a rule that does not use contexts does not train a recurrent layer.
static UNTAUGHT: Once = Once::new();

/// A module's activity on a batch.
pub(super) struct Pass {
    /// The module's input, then the output of each of its layers.
    maps: Vec<Arc<FeatureMap>>,
    traces: Vec<Trace>,
    /// The target: the activity that is predicted.
    pub target: Representation,
    /// The context, if the module's last layer is a recurrent context; else `target` is also the context.
    pub context: Option<Representation>,
    /// The shape of the summed inputs, if `target` has them.
    activation: Option<MapShape>,
}

/// Runs a module forward in a step; if it learns, its layers get the random choices of the step first.
pub(super) fn forward_drawn(
    slots: &mut [Slot],
    module: &Module,
    input: Arc<FeatureMap>,
    mut draws: Box<dyn Draws>,
) -> Result<Pass> {
    let phase = module.phase();
    if phase == Phase::Learn {
        let mut random = draws.random(LAYERS);
        slots[module.layers()].iter_mut().for_each(|slot| slot.layer.draw(&mut random));
    }
    forward(slots, module, input, phase)
}

/// Runs a module forward.
pub(super) fn forward(
    slots: &mut [Slot],
    module: &Module,
    input: Arc<FeatureMap>,
    phase: Phase,
) -> Result<Pass> {
    let mut maps = vec![input];
    let mut traces = Vec::new();
    for slot in &mut slots[module.layers()] {
        let below = &maps[maps.len() - 1];
        let _stage = stage::layer(&slot.name, "forward").entered();
        let activity = slot.layer.forward(below, phase)?;
        maps.push(Arc::new(activity.post));
        traces.push(activity.trace);
    }
    if module.level.is_summed() {
        let (below, post) = (&maps[maps.len() - 2], &maps[maps.len() - 1]);
        let slot = &mut slots[module.layers.end - 1];
        let potential = module.level == Level::Potential;
        let shown = match traces.last() {
            Some(trace) if phase == Phase::Learn => {
                slot.layer.activation_of_pass(below, post, trace, potential)?
            }
            _ => slot.layer.activation(below, potential)?,
        };
        let activation = shown.ok_or_else(|| {
            Error::shape(format!("layer {}", slot.name), "no longer provides summed inputs")
        })?;
        let target = Representation::of(&activation, module.pooling)?;
        return Ok(Pass { maps, traces, target, context: None, activation: Some(activation.shape()) });
    }
    let output = &maps[maps.len() - 1];
    let top = &slots[module.layers.end - 1].name;
    let represented = stage::layer(top, "pool").in_scope(|| Representation::of(output, module.pooling))?;
    let (target, context) = if slots[module.layers.end - 1].layer.is_context() {
        (Representation::of(&maps[maps.len() - 2], module.pooling)?, Some(represented))
    } else {
        (represented, None)
    };
    Ok(Pass { maps, traces, target, context, activation: None })
}

impl Pass {
    /// The module's output: the next module's input.
    pub fn output(&self) -> Arc<FeatureMap> {
        Arc::clone(&self.maps[self.maps.len() - 1])
    }

    /// The representation that other modules see of this one.
    pub fn seen(&self) -> &Representation {
        self.context.as_ref().unwrap_or(&self.target)
    }

    /// The update of every layer, first to last. `target` and `context` are post factors of the
    /// representations. Without a context layer, both belong to the same output.
    pub fn update(
        self,
        slots: &mut [Slot],
        module: &Module,
        target: Buffer,
        context: Option<Buffer>,
        mut lateral: Option<Lateral>,
    ) -> Result<Vec<Vec<Buffer>>> {
        let layers = module.layers();
        let mut below_context = None;
        let mut factor = match (self.context.is_some(), context) {
            (false, context) => {
                let mut sum = target;
                if let Some(context) = context {
                    ops::add(&mut sum, 1.0, &context)?;
                }
                match self.activation {
                    Some(shape) => {
                        let factor = ops::spread(&sum, shape, module.pooling)?;
                        match module.level {
                            Level::Potential => PostFactor::Potential(factor),
                            _ => PostFactor::Activation(factor),
                        }
                    }
                    None => to_map(sum, self.maps[layers.len()].shape(), module.pooling)?,
                }
            }
            (true, context) => {
                if layers.len() > 1 {
                    below_context =
                        Some(ops::spread(&target, self.maps[layers.len() - 1].shape(), module.pooling)?);
                }
                let shape = self.maps[layers.len()].shape();
                match context {
                    Some(context) => to_map(context, shape, module.pooling)?,
                    None => {
                        UNTAUGHT.call_once(|| {
                            let layer = &slots[layers.end - 1].name;
                            tracing::warn!(
                                "layer {layer} is recurrent and gets no post factor, so it does not learn"
                            );
                        });
                        PostFactor::PerPosition(Buffer::zeros(target.device(), shape.len())?)
                    }
                }
            }
        };
        let mut updates = Vec::new();
        let mut maps = self.maps;
        for (place, (slot, trace)) in slots[layers].iter_mut().zip(self.traces).enumerate().rev() {
            let Some(post) = maps.pop() else { break };
            let pre = &maps[place];
            let _stage = stage::layer(&slot.name, "update").entered();
            let LayerUpdate { updates: mut own, feedback, .. } =
                slot.layer.plasticity(pre, &post, trace, factor, place > 0)?;
            let learning = slot.layer.parameters().iter().filter(|parameter| parameter.learns()).count();
            let refuse = |message: String| Err(Error::shape(format!("layer {}", slot.name), message));
            if own.len() != learning {
                return refuse(format!("returns {} updates for {learning} learning parameters", own.len()));
            }
            if feedback.is_none() && place > 0 {
                return refuse("returns no feedback for the layer below, which its module needs".to_owned());
            }
            if let Some(lateral) = lateral.take() {
                let through = slot.layer.lateral(&lateral)?;
                if through.len() != learning {
                    let count = through.len();
                    return refuse(format!(
                        "returns {count} lateral updates for {learning} learning parameters"
                    ));
                }
                for (own, through) in own.iter_mut().zip(through) {
                    ops::add(own, 1.0, &through)?;
                }
            }
            updates.push(own);
            let Some(mut feedback) = feedback else { break };
            if let Some(target) = below_context.take() {
                ops::add(&mut feedback, 1.0, &target)?;
            }
            factor = PostFactor::PerPosition(feedback);
        }
        updates.reverse();
        Ok(updates)
    }
}

/// The post factor of a map from the post factor of its pooled representation.
fn to_map(factor: Buffer, shape: MapShape, pooling: Pooling) -> Result<PostFactor> {
    if pooling == Pooling::Mean && shape.extent[0] == 1 {
        return Ok(PostFactor::PerSample(factor));
    }
    Ok(PostFactor::PerPosition(ops::spread(&factor, shape, pooling)?))
}
