//! One step of learning: for each module the forward pass, its rule and its update. Nothing is kept for the next
//! module except the output map.

use super::pass::{self, Pass};
use super::{Module, Network, Owner, Role, Slot};
use crate::ranks::{Begun, Sharing, Updates};
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

/// The result of a module's step, before any parameter moves.
pub struct ModuleStep<'a> {
    /// Which module, from 0.
    pub index: usize,
    /// The rule's loss, one value on the device.
    pub loss: &'a Buffer,
    /// The gates of the compared pairs, if the rule has gates.
    pub surprise: &'a [Surprise],
    /// The representation that was predicted.
    pub target: &'a Representation,
    /// The context, if it was not the target itself.
    pub context: Option<&'a Representation>,
    slots: &'a mut [Slot],
    module: &'a mut Module,
    layers: Vec<Vec<Buffer>>,
    own: Vec<Buffer>,
    sharing: &'a Sharing,
}

/// Receives a map for the next part.
pub(super) type Handed<'a> = dyn FnMut(&Arc<FeatureMap>) -> Result<()> + 'a;

/// The common arguments of the modules that run.
pub(super) struct Run<'a> {
    pub sharing: &'a Sharing,
    pub labels: Option<&'a [u32]>,
    pub top: Option<&'a Representation>,
    /// The number of the first of them in the whole network.
    pub first: usize,
    /// Receives the output of the last one, before its update, if something above needs it.
    pub handed: Option<&'a mut Handed<'a>>,
}

/// A module's step; the ranks may still be summing its updates.
struct Waiting {
    /// The place of the module among those that run.
    place: usize,
    index: usize,
    surprise: Vec<Surprise>,
    target: Representation,
    context: Option<Representation>,
    begun: Begun,
}

impl Waiting {
    /// Calls `each` with the step when its updates are complete.
    fn finish(
        self,
        sharing: &Sharing,
        slots: &mut [Slot],
        modules: &mut [Module],
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let Self { place, index, surprise, target, context, begun } = self;
        let Updates { layers, own, loss } = sharing.finish(begun, index)?;
        let (loss, surprise, module) = (&loss, &surprise[..], &mut modules[place]);
        let (target, context) = (&target, context.as_ref());
        each(ModuleStep { index, loss, surprise, target, context, slots, module, layers, own, sharing })
    }
}

impl ModuleStep<'_> {
    /// Moves the module's parameters, if it learns in this step.
    ///
    /// # Errors
    /// If an update does not fit its parameter.
    pub fn apply(self) -> Result<()> {
        if self.module.role != Role::Learn {
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
        rule.applied()?;
        self.sharing.average_kept(rule.as_mut())
    }

    /// Its loss and its surprise (the share of pairs with H = 1) in step `step`, counted from 0. On a GPU this waits
    /// for the step.
    ///
    /// # Errors
    /// If the loss is not finite.
    pub(crate) fn reported(&self, step: u64) -> Result<(f32, Option<f32>)> {
        let loss = self.loss.to_vec()?.first().copied().unwrap_or(f32::NAN);
        if !loss.is_finite() {
            let place = format!("step {}, module {}", step + 1, self.index + 1);
            return Err(Error::diverged(place, format!("the loss is {loss}")));
        }
        Ok((loss, Surprise::share(self.surprise)?))
    }

    /// The update of every parameter that learns, by full name, in the public layout; empty if the module does not
    /// learn in this step.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub fn named(&mut self) -> Result<Vec<(String, Vec<f32>)>> {
        let mut named = Vec::new();
        let layers = self.module.layers().zip(&mut self.slots[self.module.layers()]);
        for ((index, slot), updates) in layers.zip(&self.layers) {
            collect(&mut named, Owner::Layer(index), slot.layer.parameters(), updates)?;
        }
        collect(&mut named, Owner::Module(self.index), self.module.rule.parameters(), &self.own)?;
        Ok(named)
    }
}

fn collect(
    named: &mut Vec<(String, Vec<f32>)>,
    owner: Owner,
    parameters: Vec<&mut Parameter>,
    updates: &[Buffer],
) -> Result<()> {
    for (parameter, update) in parameters.into_iter().filter(|parameter| parameter.learns()).zip(updates) {
        named.push((owner.full(parameter.name()), parameter.to_public(update)?));
    }
    Ok(())
}

/// Computes the update of a rule from its signals.
pub type UpdateBy<'a> =
    dyn FnMut(&mut dyn PlasticityRule, &Signals, &mut dyn Draws) -> Result<RuleUpdate> + 'a;

impl Network {
    /// Runs one step of learning on a batch and calls `each` with every module's update, which `each` may apply.
    /// With [`Role::Look`] the update is empty; with [`Role::Rest`] there is none.
    ///
    /// A module's activity is dropped before the next one runs, so memory does not grow with depth. A rule with
    /// context from above keeps two modules at a time. A rule with context from the top runs the network once before
    /// and keeps only the top representation.
    ///
    /// # Errors
    /// If the batch does not fit the network, or a rule returns an error.
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

    /// [`step`](Self::step) with another function that computes a rule's update.
    ///
    /// # Errors
    /// If the batch does not fit the network, or a rule returns an error.
    pub fn step_with(
        &mut self,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        update: &mut UpdateBy,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        self.step_among(&Sharing::alone(), input, labels, draws, update, each)
    }

    /// [`step_with`](Self::step_with) as one of several ranks; `input` and `labels` are this rank's shard. On every
    /// rank, `each` gets the updates of the whole batch. The ranks sum the updates of a module while the next module
    /// runs; then `each` is called.
    ///
    /// # Errors
    /// If the batch does not fit the network, a rule returns an error, or a rank has left.
    pub fn step_among(
        &mut self,
        sharing: &Sharing,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        update: &mut UpdateBy,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let across = sharing.across();
        self.slots.iter_mut().for_each(|slot| slot.layer.across(across.as_ref()));
        let made = self.step_across(sharing, input, labels, draws, update, each);
        self.slots.iter_mut().for_each(|slot| slot.layer.across(None));
        made
    }

    /// [`step_among`](Self::step_among), after the layers have been told of the ranks.
    fn step_across(
        &mut self,
        sharing: &Sharing,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        update: &mut UpdateBy,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let labels = sharing.labels(labels, input.shape().batch)?;
        let labels = labels.as_deref();
        let Some(first) = self.modules.first_mut() else { return Ok(()) };
        let input = Arc::new(sharing.prepare(first.rule.as_mut(), input, labels, draws(0).as_mut())?);
        let top = self.look_ahead(&input)?;
        let top = top.as_ref().map(|top| sharing.seen(top, self.modules.len() - 1)).transpose()?;
        let run = Run { sharing, labels, top: top.as_deref(), first: 0, handed: None };
        self.run(input, run, draws, update, each)
    }

    /// Runs and updates all modules, given the first one's input. Modules above the last one that learns or looks
    /// run only if another part needs the output.
    pub(super) fn run(
        &mut self,
        input: Arc<FeatureMap>,
        run: Run,
        draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
        update: &mut UpdateBy,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let Run { sharing, labels, top, first, mut handed } = run;
        let last = self.modules.len().saturating_sub(1);
        let highest = match handed {
            Some(_) => last,
            None => match self.modules.iter().rposition(|module| module.role != Role::Rest) {
                Some(highest) => highest,
                None => return Ok(()),
            },
        };
        let Self { slots, modules, .. } = self;
        let mut ahead: Option<Pass> = None;
        let mut from_below: Option<Buffer> = None;
        let mut input = Some(input);
        let mut waiting: Option<Waiting> = None;
        for index in 0..=highest {
            let pass = match (ahead.take(), input.take()) {
                (Some(pass), _) => pass,
                (None, Some(input)) => {
                    let draws = draws(first + index);
                    pass::forward_drawn(slots, &modules[index], input, draws)?
                }
                (None, None) => return Err(Error::shape("network", "a module has no input")),
            };
            let role = modules[index].role;
            let above = modules[index].context == ContextSource::Above && index < last && role != Role::Rest;
            let mut output = pass.output();
            if let Some(next) = modules.get_mut(index + 1).filter(|_| above || index < highest) {
                let mut draws = draws(first + index + 1);
                let prepared = sharing.prepare_from_below(next.rule.as_mut(), &output, draws.as_mut())?;
                output = prepared.map_or(output, Arc::new);
            } else if let Some(handed) = &mut handed {
                handed(&output)?;
            }
            if above {
                let next = &modules[index + 1];
                ahead = Some(pass::forward_drawn(slots, next, output, draws(first + index + 1))?);
            } else {
                input = Some(output);
            }
            if role == Role::Rest {
                from_below = None;
                continue;
            }
            let context = if above { ahead.as_ref().map(Pass::seen) } else { pass.context.as_ref() };
            let seen = sharing.seen(&pass.target, first + index)?;
            let context_seen = context.map(|context| sharing.seen(context, first + index)).transpose()?;
            let signals =
                Signals::new(&seen).with_context(context_seen.as_deref()).with_top(top).with_labels(labels);
            let update = stage::module(first + index, "rule")
                .in_scope(|| update(modules[index].rule.as_mut(), &signals, draws(first + index).as_mut()))?;
            let mut target = sharing.own_factor(update.target, &pass.target)?;
            let own_context = match (update.context, context) {
                (Some(factor), Some(context)) => Some(sharing.own_factor(factor, context)?),
                (factor, _) => factor,
            };
            let (own_context, passed_up) = if above { (None, own_context) } else { (own_context, None) };
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
            // A module that rests passes nothing up, whether its loss is reported or not.
            from_below = passed_up.filter(|_| role == Role::Learn);
            let (target_seen, context_seen) = (pass.target.clone(), pass.context.clone());
            let (layers, own) = match role {
                Role::Learn => {
                    let lateral = update.lateral.filter(|_| sharing.adds_lateral());
                    (pass.update(slots, &modules[index], target, own_context, lateral)?, update.own)
                }
                Role::Look | Role::Rest => (Vec::new(), Vec::new()),
            };
            let begun = sharing.begin(Updates { layers, own, loss: update.loss })?;
            let surprise = update.surprise;
            let now = Waiting {
                place: index,
                index: first + index,
                surprise,
                target: target_seen,
                context: context_seen,
                begun,
            };
            if let Some(before) = waiting.replace(now) {
                before.finish(sharing, slots, modules, each)?;
            }
            // A single rank does not wait.
            if let Some(now) = waiting.take_if(|_| sharing.is_alone()) {
                now.finish(sharing, slots, modules, each)?;
            }
        }
        waiting.map_or(Ok(()), |last| last.finish(sharing, slots, modules, each))
    }

    /// The top module's representation, if a rule needs it.
    fn look_ahead(&mut self, input: &Arc<FeatureMap>) -> Result<Option<Representation>> {
        let wanted = |module: &Module| {
            module.role != Role::Rest && matches!(module.context, ContextSource::Top | ContextSource::Both)
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
