//! Divides a network into parts that run separately. Every part has its own modules and layers; it needs
//! only the output map of the part below.

use super::step::Run;
use super::{ModuleStep, Network, Role};
use crate::ranks::Sharing;
use plasticity_core::draws::Draws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::ContextSource;
use plasticity_core::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// A part of a network.
pub struct Part {
    network: Network,
    /// The number of its first module in the whole network.
    first: usize,
}

/// The arguments of a step of a part.
pub struct PartStep<'a> {
    /// The classes of the batch.
    pub labels: Option<&'a [u32]>,
    /// The draws of a module, counted from 0 in the whole network.
    pub draws: &'a mut dyn FnMut(usize) -> Box<dyn Draws>,
    /// Receives the output map of the part, before the part learns.
    pub handed: &'a mut dyn FnMut(&Arc<FeatureMap>) -> Result<()>,
}

impl Part {
    /// [`Network::set_course`] for its modules, counted from 0 in the whole network.
    pub fn set_course(&mut self, factor: impl Fn(usize) -> Option<f64>, report: bool) {
        self.network.set_course(|module| factor(self.first + module), Role::unless_learning(report));
    }

    /// Runs its modules on the input of the network, or on the output of the part below, and updates them.
    ///
    /// # Errors
    /// If the input does not fit, or a rule returns an error.
    pub fn step(
        &mut self,
        input: Arc<FeatureMap>,
        step: PartStep,
        each: &mut dyn FnMut(ModuleStep) -> Result<()>,
    ) -> Result<()> {
        let PartStep { labels, draws, handed } = step;
        let Some(first) = self.network.modules.first_mut() else { return Ok(()) };
        let input = match self.first {
            0 => Arc::new(first.rule.prepare(Arc::unwrap_or_clone(input), labels, draws(0).as_mut())?),
            below => {
                let prepared = first.rule.prepare_from_below(&input, draws(below).as_mut())?;
                prepared.map_or(input, Arc::new)
            }
        };
        let sharing = Sharing::alone();
        let run = Run { sharing: &sharing, labels, top: None, first: self.first, handed: Some(handed) };
        self.network.run(input, run, draws, &mut |rule, signals, draws| rule.update(signals, draws), each)
    }
}

impl Network {
    /// Whether its modules can learn in parts.
    ///
    /// # Errors
    /// If a module needs something from the modules above it, or there is only one module; the error says which.
    pub fn learns_in_parts(&self) -> Result<()> {
        let refuse = |message: &str| Err(Error::config("training.parallel", message));
        if self.modules.len() < 2 {
            return refuse(
                "a pipeline needs several modules, but this network has one: leave it out, or use a rule that learns in several modules",
            );
        }
        if self.modules.iter().any(|module| module.context != ContextSource::Same) {
            return refuse(
                "in a pipeline no module waits for one above it, but this rule takes its context from above: leave it out, or \
                 use context = \"same\"",
            );
        }
        Ok(())
    }

    /// Ranges of modules for at most `count` parts, such that the largest work of a part is as small as
    /// possible. The work of a layer is the number of its weights times the positions of its output for an input
    /// of `shape`.
    ///
    /// # Errors
    /// If a layer cannot work on its input.
    pub fn divided(&mut self, count: usize, shape: MapShape) -> Result<Vec<Range<usize>>> {
        let maps = self.shapes(shape)?;
        let mut work = Vec::new();
        for module in &self.modules {
            let of = |layer: usize, slots: &mut [super::Slot]| -> u64 {
                let weights: usize =
                    slots[layer].layer.parameters().iter().map(|parameter| parameter.value().len()).sum();
                (weights * maps[layer].positions()) as u64
            };
            work.push(module.layers().map(|layer| of(layer, &mut self.slots)).sum::<u64>());
        }
        Ok(divided(&work, count.clamp(1, work.len().max(1))))
    }

    /// Moves all modules into parts; [`put_together`](Self::put_together) moves them back.
    pub fn take_apart(&mut self, ranges: &[Range<usize>]) -> Vec<Part> {
        let (mut slots, mut modules) = (self.slots.drain(..), self.modules.drain(..));
        let mut first_layer = 0;
        let mut part = |range: &Range<usize>| {
            let mut own: Vec<_> = modules.by_ref().take(range.len()).collect();
            let end = own.last().map_or(first_layer, |module| module.layers.end);
            for module in &mut own {
                module.layers = module.layers.start - first_layer..module.layers.end - first_layer;
            }
            let own_slots = slots.by_ref().take(end - first_layer).collect();
            first_layer = end;
            let network = Network { slots: own_slots, modules: own, device: self.device.clone() };
            Part { network, first: range.start }
        };
        ranges.iter().map(&mut part).collect()
    }

    /// Moves the modules of the parts back, in order.
    pub fn put_together(&mut self, parts: Vec<Part>) {
        for Part { mut network, .. } in parts {
            let below = self.slots.len();
            for module in &mut network.modules {
                module.layers = module.layers.start + below..module.layers.end + below;
            }
            self.slots.append(&mut network.slots);
            self.modules.append(&mut network.modules);
        }
    }
}

/// At most `count` contiguous ranges whose largest sum is as small as possible.
fn divided(work: &[u64], count: usize) -> Vec<Range<usize>> {
    let fits = |most: u64| {
        let (mut ranges, mut start, mut sum) = (Vec::new(), 0, 0);
        for (place, &own) in work.iter().enumerate() {
            // The remaining modules must still fill the remaining parts.
            let needed = work.len() - place < count.saturating_sub(ranges.len());
            if place > start && (sum + own > most || needed) {
                ranges.push(start..place);
                (start, sum) = (place, 0);
            }
            sum += own;
        }
        ranges.push(start..work.len());
        ranges
    };
    // The largest sum is the sum of some contiguous range.
    let mut sums: Vec<u64> = (0..work.len())
        .flat_map(|start| (start + 1..=work.len()).map(move |end| work[start..end].iter().sum()))
        .collect();
    sums.sort_unstable();
    let largest = work.iter().max().copied().unwrap_or_default();
    let smallest = sums.into_iter().find(|&most| most >= largest && fits(most).len() <= count);
    fits(smallest.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::divided;

    #[test]
    fn parts_have_as_equal_work_as_can_be() {
        assert_eq!(divided(&[1, 1, 1, 1], 2), [0..2, 2..4]);
        assert_eq!(divided(&[8, 1, 1, 1], 2), [0..1, 1..4]);
        assert_eq!(divided(&[1, 2, 3, 4], 3), [0..2, 2..3, 3..4]);
        assert_eq!(divided(&[5, 1, 1], 3), [0..1, 1..2, 2..3]);
        assert_eq!(divided(&[7], 1), std::slice::from_ref(&(0..1)));
    }
}
