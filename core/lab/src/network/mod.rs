//! A stack of layers, divided into gradient-isolated modules, each with its own plasticity rule.

mod backward;
mod build;
mod names;
mod parts;
mod pass;
mod state;
mod step;

pub use build::NetworkPlan;
pub(crate) use build::suits;
pub use names::Owner;
pub use parts::{Part, PartStep};
pub use state::{Saved, State};
pub use step::{ModuleStep, UpdateBy};

use crate::optimiser::Optimiser;
use plasticity_core::device::Device;
use plasticity_core::layer::{EncoderLayer, Phase};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{ContextSource, Level, PlasticityRule};
use plasticity_core::representation::{Pooling, Representation, RepresentationShape};
use plasticity_core::{Error, Result};
use std::ops::Range;

/// A layer in the network.
pub struct Slot {
    pub(crate) name: String,
    pub(crate) layer: Box<dyn EncoderLayer>,
    /// A factor on its module's learning rate.
    pub(crate) rate: f32,
}

/// The role of a module in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It learns.
    #[default]
    Learn,
    /// It does not change, but its loss is computed.
    Look,
    /// It does not change; it runs only if a module above needs its output.
    Rest,
}

impl Role {
    /// The role of a module that does not learn, in a step whose losses are reported or not.
    pub(crate) fn unless_learning(report: bool) -> Self {
        if report { Self::Look } else { Self::Rest }
    }
}

/// Layers that share a rule. No gradient crosses the input of a module.
pub struct Module {
    pub(crate) layers: Range<usize>,
    pub(crate) rule: Box<dyn PlasticityRule>,
    pub(crate) pooling: Pooling,
    /// The shape of its rule's target, for a full batch.
    pub(crate) target: RepresentationShape,
    pub(crate) level: Level,
    pub(crate) context: ContextSource,
    pub(crate) optimiser: Optimiser,
    pub(crate) role: Role,
}

impl Module {
    /// Its layers, counted from 0.
    pub fn layers(&self) -> Range<usize> {
        self.layers.clone()
    }

    /// Its rule.
    pub fn rule(&self) -> &dyn PlasticityRule {
        self.rule.as_ref()
    }

    /// The source of its rule's context.
    pub fn context(&self) -> ContextSource {
        self.context
    }

    /// The shape of its rule's target, for a full batch.
    pub fn target(&self) -> RepresentationShape {
        self.target
    }

    /// How its maps become representations.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// The phase in which it runs in a step.
    pub(crate) fn phase(&self) -> Phase {
        match self.role {
            Role::Learn => Phase::Learn,
            Role::Look | Role::Rest => Phase::Peek,
        }
    }

    /// Its learning rate, with only the factor of the module.
    pub fn rate(&self) -> f32 {
        self.optimiser.rate()
    }
}

/// An encoder with its rules and optimisers.
pub struct Network {
    pub(crate) slots: Vec<Slot>,
    pub(crate) modules: Vec<Module>,
    pub(crate) device: Device,
}

impl Network {
    /// Its modules, first to last.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// Gives each layer a factor on its module's learning rate; weights of rules keep the rate of their module.
    ///
    /// # Errors
    /// If there is not one factor for each layer.
    pub fn set_layer_rates(&mut self, rates: &[f32]) -> Result<()> {
        if rates.len() != self.slots.len() {
            let message =
                format!("{} factors for {} layers: give one for each layer", rates.len(), self.slots.len());
            return Err(Error::config("training.layer_rates", message));
        }
        self.slots.iter_mut().zip(rates).for_each(|(slot, rate)| slot.rate = *rate);
        Ok(())
    }

    /// From the next step on, each module (from 0) learns at its rate times this factor, which replaces earlier
    /// ones. A module without a factor has the role `otherwise`.
    pub fn set_course(&mut self, factor: impl Fn(usize) -> Option<f64>, otherwise: Role) {
        for (index, module) in self.modules.iter_mut().enumerate() {
            let factor = factor(index);
            module.role = if factor.is_some() { Role::Learn } else { otherwise };
            module.optimiser.scale_rate(factor.unwrap_or(1.0));
        }
    }

    /// Names of the layers, first to last.
    pub fn layer_names(&self) -> Vec<&str> {
        self.slots.iter().map(|slot| slot.name.as_str()).collect()
    }

    /// The same layers and weights as one module with the top module's rule. Backpropagation then carries its
    /// updates to every layer; local rules are compared with this. The other modules' rules are dropped.
    #[must_use]
    pub fn end_to_end(mut self) -> Self {
        if let Some(top) = self.modules.pop() {
            self.modules = vec![Module { layers: 0..top.layers.end, ..top }];
        }
        self
    }

    /// The device that holds it.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether any module's rule changes anything.
    pub fn learns(&self) -> bool {
        self.modules.iter().any(|module| module.rule.learns())
    }

    /// The shape of every layer's map for an input of this shape.
    ///
    /// # Errors
    /// If a layer cannot work on its input.
    pub fn shapes(&self, mut input: MapShape) -> Result<Vec<MapShape>> {
        let mut shapes = Vec::new();
        for slot in &self.slots {
            input = slot.layer.output(input)?;
            shapes.push(input);
        }
        Ok(shapes)
    }

    /// The representation of every layer for probes: running statistics, nothing learns.
    ///
    /// # Errors
    /// If the input does not fit the network.
    pub fn represent(&mut self, input: &FeatureMap, pooling: Pooling) -> Result<Vec<Representation>> {
        let mut representations = Vec::new();
        self.visit(input, &mut |_, map| {
            representations.push(Representation::of(map, pooling)?);
            Ok(())
        })?;
        Ok(representations)
    }

    /// Calls `seen` with the map of each layer (from 0), in order, with running statistics. A map is kept only
    /// until the next layer has used it.
    ///
    /// # Errors
    /// If the input does not fit the network, or `seen` returns an error.
    pub fn visit(
        &mut self,
        input: &FeatureMap,
        seen: &mut dyn FnMut(usize, &FeatureMap) -> Result<()>,
    ) -> Result<()> {
        let first = self.modules.first();
        let below = first.map(|module| module.rule.prepare_probe(input)).transpose()?.flatten();
        self.shown(below, input, seen)
    }

    /// The goodness of every stimulus by each module's rule, with this class written on all stimuli. `None` if
    /// the first module's rule does not write classes ([`PlasticityRule::with_class`]).
    ///
    /// # Errors
    /// If the input does not fit the network.
    pub fn goodness(&mut self, input: &FeatureMap, class: u32) -> Result<Option<Vec<Vec<f32>>>> {
        let first = self.modules.first();
        let Some(written) = first.map(|module| module.rule.with_class(input, class)).transpose()?.flatten()
        else {
            return Ok(None);
        };
        let tops: Vec<usize> = self.modules.iter().map(|module| module.layers.end).collect();
        let mut maps = Vec::new();
        self.shown(Some(written), input, &mut |layer, map| {
            maps.extend(tops.contains(&(layer + 1)).then(|| map.clone()));
            Ok(())
        })?;
        let of = |(module, map): (&Module, &FeatureMap)| {
            module.rule.goodness(&Representation::of(map, module.pooling)?)
        };
        self.modules.iter().zip(&maps).map(of).collect()
    }

    /// Runs the layers on `below`, or on the input if it is `None`.
    fn shown(
        &mut self,
        mut below: Option<FeatureMap>,
        input: &FeatureMap,
        seen: &mut dyn FnMut(usize, &FeatureMap) -> Result<()>,
    ) -> Result<()> {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let module = self.modules.iter().skip(1).find(|module| module.layers.start == index);
            if let (Some(module), Some(map)) = (module, &below) {
                below = module.rule.prepare_probe_from_below(map)?.or(below);
            }
            let map = slot.layer.forward(below.as_ref().unwrap_or(input), Phase::Evaluate)?.post;
            seen(index, &map)?;
            below = Some(map);
        }
        Ok(())
    }

    /// All parameters with their full names: `layer.I.NAME` and `module.M.NAME`, counted from 0.
    pub fn parameters(&mut self) -> Vec<(String, &mut Parameter)> {
        let layers = self.slots.iter_mut().enumerate().flat_map(|(index, slot)| {
            slot.layer.parameters().into_iter().map(move |p| (Owner::Layer(index).full(p.name()), p))
        });
        let rules = self.modules.iter_mut().enumerate().flat_map(|(index, module)| {
            module.rule.parameters().into_iter().map(move |p| (Owner::Module(index).full(p.name()), p))
        });
        layers.chain(rules).collect()
    }
}
