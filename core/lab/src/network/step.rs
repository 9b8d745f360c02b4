//! One step of learning: each module forward, its rule, its update; nothing of it is kept for the next.

use super::pass::{self, Pass};
use super::{Module, Network, Part, Slot};
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::layer::Phase;
use plasticity_core::map::FeatureMap;
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{ContextSource, PlasticityRule, RuleUpdate, Signals, Surprise};
use plasticity_core::representation::Representation;
use plasticity_core::stage;
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// What a module's step came to, before anything has moved.
pub struct ModuleStep<'a> {
    /// Which module, from 0.
    pub index: usize,
    /// The rule's loss, one value on the device.
    pub loss: &'a Buffer,
    /// The gates of the pairs that the rule compared, where it has such.
    pub surprise: &'a [Surprise],
    /// The representation that was predicted.
    pub target: &'a Representation,
    /// The context, where it was not the target's own.
    pub context: Option<&'a Representation>,
    slots: &'a mut [Slot],
    module: &'a mut Module,
    layers: Vec<Vec<Buffer>>,
    own: Vec<Buffer>,
}

impl ModuleStep<'_> {
    /// Moves the module's parameters, if it is to learn.
    ///
    /// # Errors
    /// Where an update does not fit its parameter.
    pub fn apply(self) -> Result<()> {
        if self.module.part != Part::Learn {
            return Ok(());
        }
        let updates: Vec<Buffer> = self.layers.into_iter().flatten().chain(self.own).collect();
        let mut parameters: Vec<(&mut Parameter, f32)> = Vec::new();
        for Slot { layer, rate, .. } in &mut self.slots[self.module.layers.clone()] {
            parameters.extend(layer.parameters().into_iter().map(|parameter| (parameter, *rate)));
        }
        let Module { rule, optimiser, .. } = self.module;
        let _stage = stage::module(self.index, "optimiser").entered();
        parameters.extend(rule.parameters().into_iter().map(|parameter| (parameter, 1.0)));
        optimiser.step_each(parameters, &updates)?;
        rule.applied()
    }

    /// The update of every parameter that learns, by full name, in the public layout; none where the module is not to.
    ///
    /// # Errors
    /// Where a copy from the device fails.
    pub fn named(&mut self) -> Result<Vec<(String, Vec<f32>)>> {
        let mut named = Vec::new();
        let layers = self.module.layers().zip(&mut self.slots[self.module.layers()]);
        for ((index, slot), updates) in layers.zip(&self.layers) {
            collect(&mut named, &format!("layer.{index}"), slot.layer.parameters(), updates)?;
        }
        collect(&mut named, &format!("module.{}", self.index), self.module.rule.parameters(), &self.own)?;
        Ok(named)
    }
}

fn collect(
    named: &mut Vec<(String, Vec<f32>)>,
    prefix: &str,
    parameters: Vec<&mut Parameter>,
    updates: &[Buffer],
) -> Result<()> {
    for (parameter, update) in parameters.into_iter().filter(|parameter| parameter.learns()).zip(updates) {
        named.push((format!("{prefix}.{}", parameter.name()), parameter.to_public(update)?));
    }
    Ok(())
}

/// A way from a rule and its signals to its update.
pub type UpdateBy<'a> =
    dyn FnMut(&mut dyn PlasticityRule, &Signals, &mut dyn Draws) -> Result<RuleUpdate> + 'a;

impl Network {
    /// Runs one step of learning on a batch and hands every module's update to `each`, which may apply it; that of a module
    /// that only looks is empty, and a module that rests has none.
    ///
    /// A module's activity is dropped before the next one is run, so memory does not grow with depth; a rule with
    /// context from above holds two modules at a time, and one with context from the top runs the network once
    /// ahead, keeping nothing but the top representation.
    ///
    /// # Errors
    /// Where the batch does not fit the network, or a rule refuses.
    pub fn step(
        &mut self,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let mut own = |rule: &mut dyn PlasticityRule, signals: &Signals, draws: &mut dyn Draws| {
            rule.update(signals, draws)
        };
        self.step_with(input, labels, draws, &mut own, each)
    }

    /// [`step`](Self::step) with another way from a rule and its signals to its update.
    ///
    /// # Errors
    /// Where the batch does not fit the network, or a rule refuses.
    pub fn step_with(
        &mut self,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        update: &mut UpdateBy,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let input = match self.modules.first_mut() {
            Some(first) => Arc::new(first.rule.prepare(input, labels, draws(0).as_mut())?),
            None => return Ok(()),
        };
        let top = self.look_ahead(&input)?;
        let Some(highest) = self.modules.iter().rposition(|module| module.part != Part::Rest) else {
            return Ok(());
        };
        let Self { slots, modules, .. } = self;
        let mut ahead: Option<Pass> = None;
        let mut from_below: Option<Buffer> = None;
        let mut input = Some(input);
        let last = modules.len() - 1;
        for index in 0..=highest {
            let pass = match (ahead.take(), input.take()) {
                (Some(pass), _) => pass,
                (None, Some(input)) => pass::forward(slots, &modules[index], input, modules[index].phase())?,
                (None, None) => return Err(Error::shape("network", "a module has no input")),
            };
            let part = modules[index].part;
            let above = modules[index].context == ContextSource::Above && index < last && part != Part::Rest;
            let mut output = pass.output();
            if let Some(next) = modules.get_mut(index + 1).filter(|_| above || index < highest) {
                let prepared = next.rule.prepare_from_below(&output, draws(index + 1).as_mut())?;
                output = prepared.map_or(output, Arc::new);
            }
            if above {
                let next = &modules[index + 1];
                ahead = Some(pass::forward(slots, next, output, next.phase())?);
            } else {
                input = Some(output);
            }
            if part == Part::Rest {
                from_below = None;
                continue;
            }
            let context = if above { ahead.as_ref().map(Pass::seen) } else { pass.context.as_ref() };
            let signals =
                Signals::new(&pass.target).with_context(context).with_top(top.as_ref()).with_labels(labels);
            let update = stage::module(index, "rule")
                .in_scope(|| update(modules[index].rule.as_mut(), &signals, draws(index).as_mut()))?;
            let mut target = update.target;
            let (own_context, passed_up) =
                if above { (None, update.context) } else { (update.context, None) };
            let own_context = match (from_below.take(), own_context, pass.context.is_some()) {
                (Some(below), None, true) => Some(below),
                (Some(below), Some(mut own), true) => {
                    ops::add(&mut own, 1.0, &below)?;
                    Some(own)
                }
                (Some(below), own, false) => {
                    ops::add(&mut target, 1.0, &below)?;
                    own
                }
                (None, own, _) => own,
            };
            from_below = passed_up;
            let (seen, context_seen) = (pass.target.clone(), pass.context.clone());
            let (layers, own) = match part {
                Part::Learn => {
                    (pass.update(slots, &modules[index], target, own_context, update.lateral)?, update.own)
                }
                Part::Look | Part::Rest => (Vec::new(), Vec::new()),
            };
            let (loss, surprise, module) = (&update.loss, &update.surprise, &mut modules[index]);
            let (target, context) = (&seen, context_seen.as_ref());
            each(ModuleStep { index, loss, surprise, target, context, slots, module, layers, own })?;
        }
        Ok(())
    }

    /// The top module's representation, where a rule asks for it.
    fn look_ahead(&mut self, input: &Arc<FeatureMap>) -> Result<Option<Representation>> {
        let wanted = |module: &Module| {
            module.part != Part::Rest && matches!(module.context, ContextSource::Top | ContextSource::Both)
        };
        if !self.modules.iter().any(wanted) {
            return Ok(None);
        }
        let mut map = Arc::clone(input);
        let mut top = None;
        for module in &self.modules {
            let pass = pass::forward(&mut self.slots, module, map, Phase::Peek)?;
            map = pass.output();
            top = Some(pass.context.unwrap_or(pass.target));
        }
        Ok(top)
    }
}
