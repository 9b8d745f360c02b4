//! The layers of a block, run in order.

use plasticity_core::across::Across;
use plasticity_core::device::Buffer;
use plasticity_core::layer::{Activity, EncoderLayer, Lateral, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// Several layers as one.
///
/// A post factor of the output is carried down through all layers. A post factor of summed inputs goes only to the
/// layer that provides them.
pub struct Block {
    layers: Vec<Box<dyn EncoderLayer>>,
    /// The layer whose parameters learn, if there is only one.
    plastic: Option<usize>,
    /// The first layer whose parameters learn; no factor is carried below it.
    first: usize,
}

/// What the layers keep, with the maps between them.
struct Kept {
    maps: Vec<FeatureMap>,
    traces: Vec<Trace>,
}

impl Block {
    /// A block of layers that fit each other. The name of a parameter contains the place of its layer: `2.weight`.
    pub fn new(mut layers: Vec<Box<dyn EncoderLayer>>) -> Self {
        let mut learning = Vec::new();
        for (index, layer) in layers.iter_mut().enumerate() {
            let mut learns = false;
            for parameter in layer.parameters() {
                parameter.rename(format!("{}.{}", index + 1, parameter.name()));
                learns |= parameter.learns();
            }
            learning.extend(learns.then_some(index));
        }
        let plastic = if let [only] = learning[..] { Some(only) } else { None };
        let first = learning.first().copied().unwrap_or(layers.len());
        Self { layers, plastic, first }
    }

    /// The outputs of the layers before `place` for `pre`; they are not kept.
    fn below(&mut self, pre: &FeatureMap, place: usize) -> Result<Option<FeatureMap>> {
        let mut map = None;
        for layer in &mut self.layers[..place] {
            map = Some(layer.forward(map.as_ref().unwrap_or(pre), Phase::Peek)?.post);
        }
        Ok(map)
    }

    /// The layer that provides summed inputs.
    fn plastic(&self) -> Result<usize> {
        self.plastic.ok_or_else(|| {
            let message = "a rule that uses summed inputs needs a block in which exactly one layer learns";
            Error::shape("block", message)
        })
    }
}

impl EncoderLayer for Block {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.layers.iter().try_fold(input, |shape, layer| layer.output(shape))
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let mut maps: Vec<FeatureMap> = Vec::new();
        let mut traces = Vec::new();
        for layer in &mut self.layers {
            let activity = layer.forward(maps.last().unwrap_or(pre), phase)?;
            if phase != Phase::Learn {
                maps.clear();
            }
            maps.push(activity.post);
            traces.push(activity.trace);
        }
        let post = maps.pop().ok_or_else(|| Error::shape("block", "has no layers"))?;
        let trace = if phase == Phase::Learn { Trace::new(Kept { maps, traces }) } else { Trace::new(()) };
        Ok(Activity::new(post).with_trace(trace))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let Kept { mut maps, traces } = trace.take()?;
        // A post factor of summed inputs passes over the layers above the one that it belongs to.
        let top = match factor {
            PostFactor::Activation(_) | PostFactor::Potential(_) => self.plastic()?,
            _ => self.layers.len() - 1,
        };
        let mut factor = Some(factor);
        let mut updates = Vec::new();
        let mut above: Option<FeatureMap> = None;
        for (place, (layer, trace)) in self.layers.iter_mut().zip(traces).enumerate().rev() {
            let (output, below) = (above.take(), maps.pop());
            let (output, input) = (output.as_ref().unwrap_or(post), below.as_ref().unwrap_or(pre));
            if place <= top {
                if !feedback && place < self.first {
                    break;
                }
                let given = factor
                    .take()
                    .ok_or_else(|| Error::shape("block", format!("part {} gives no feedback", place + 2)))?;
                let update = layer.plasticity(input, output, trace, given, feedback || place > self.first)?;
                updates.push(update.updates);
                factor = update.feedback.map(PostFactor::PerPosition);
            }
            above = below;
        }
        let feedback = match factor {
            Some(PostFactor::PerPosition(factor)) if feedback => Some(factor),
            _ => None,
        };
        Ok(LayerUpdate::new(updates.into_iter().rev().flatten().collect()).with_feedback(feedback))
    }

    fn activation(&mut self, pre: &FeatureMap, potential: bool) -> Result<Option<FeatureMap>> {
        let place = self.plastic()?;
        let below = self.below(pre, place)?;
        self.layers[place].activation(below.as_ref().unwrap_or(pre), potential)
    }

    fn activation_of_pass(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: &Trace,
        potential: bool,
    ) -> Result<Option<FeatureMap>> {
        let place = self.plastic()?;
        let Kept { maps, traces } = trace.get()?;
        let below = place.checked_sub(1).and_then(|below| maps.get(below)).unwrap_or(pre);
        let above = maps.get(place).unwrap_or(post);
        self.layers[place].activation_of_pass(below, above, &traces[place], potential)
    }

    fn lateral(&self, lateral: &Lateral) -> Result<Vec<Buffer>> {
        self.layers[self.plastic()?].lateral(lateral)
    }

    fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.layers.iter_mut().for_each(|layer| layer.across(ranks));
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.layers.iter_mut().flat_map(|layer| layer.parameters()).collect()
    }

    fn follows_gradient(&self) -> bool {
        self.layers.iter().all(|layer| layer.follows_gradient())
    }

    fn is_linear(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_linear())
    }

    fn draw(&mut self, random: &mut Random) {
        self.layers.iter_mut().for_each(|layer| layer.draw(random));
    }
}
