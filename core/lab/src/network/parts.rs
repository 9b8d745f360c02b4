//! A network in parts of some modules each, which run apart from each other: every part has the layers and modules of its
//! own, and needs of the one below it only the map that its last module makes.

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
    /// The place of its first module in the whole.
    first: usize,
}

/// Where a step of a part is.
pub struct PartStep<'a> {
    /// The classes of the batch.
    pub labels: Option<&'a [u32]>,
    /// The draws of a module, which is counted from 0 in the whole network.
    pub draws: &'a mut dyn FnMut(usize) -> Box<dyn Draws>,
    /// Takes what the part makes of its input, before it learns from it.
    pub handed: &'a mut dyn FnMut(&Arc<FeatureMap>) -> Result<()>,
}

impl Part {
    /// [`Network::set_course`] of its modules, which are counted from 0 in the whole network.
    pub fn set_course(&mut self, factor: impl Fn(usize) -> Option<f64>, report: bool) {
        self.network.set_course(|module| factor(self.first + module), Role::unless_learning(report));
    }

    /// Runs its modules on the input of the network, or on what the part below has made, and updates them.
    ///
    /// # Errors
    /// Where the input does not fit, or a rule refuses.
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
    /// Names what a module needs of those above it, or that there is only one.
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

    /// Ranges of modules for at most `count` parts, so that the part with the most work has as little as can be. The work of a
    /// layer is counted as its weights times the positions that it makes of an input of `shape`.
    ///
    /// # Errors
    /// Where a layer cannot work on its input.
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

    /// Takes all modules out into parts; [`put_together`](Self::put_together) brings them back.
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

    /// Brings back the parts that were taken, in their order.
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

/// `count` ranges of neighbours, whose largest sum is as small as can be.
fn divided(work: &[u64], count: usize) -> Vec<Range<usize>> {
    let fits = |most: u64| {
        let (mut ranges, mut start, mut sum) = (Vec::new(), 0, 0);
        for (place, &own) in work.iter().enumerate() {
            // Those that are left must still fill the parts that are left.
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
    // The largest sum is one of those of neighbours.
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
