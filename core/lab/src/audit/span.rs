//! Finds the steps of the input that reach the first and the last step in time from which a module learns.
//!
//! A target follows its context. So the last step from which a module learns is never a context, and the first one
//! is never a target. With patches, a step of the input is a step of every module. In speech and video, a step of
//! a module sees many steps of the input, and lower modules may learn from a random window. So the audit has to
//! search for these places.

use super::measure::{Bench, Sizes, Updates, owner};
use plasticity_core::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Places in the input of one module, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Steps before this one reach contexts, but not the module's last step.
    pub contexts: usize,
    /// Steps from this one on reach only the module's last step.
    pub targets: usize,
}

/// The effects of switching steps of the input, for all modules at once. They are kept, since several modules need
/// the same steps.
#[derive(Default)]
pub struct Search {
    plain: Option<Updates>,
    learns: BTreeMap<Steps, Vec<bool>>,
    reach: BTreeMap<Steps, Vec<Option<[usize; 2]>>>,
}

/// The steps of the input from a step on, or up to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Steps {
    From(usize),
    To(usize),
}

impl Steps {
    fn holds(self, step: usize) -> bool {
        match self {
            Self::From(first) => step >= first,
            Self::To(last) => step <= last,
        }
    }
}

impl Search {
    /// The span of a module; `None` if no step of the input reaches only contexts, or none reaches only the last step.
    ///
    /// # Errors
    /// If the network cannot make a step.
    pub fn span(&mut self, bench: &mut Bench, module: usize) -> Result<Option<Span>> {
        let steps = bench.steps();
        if steps == 1 {
            return Ok(Some(Span { contexts: 1, targets: 0 }));
        }
        // The last step of the input from which this module learns, and the step of its target that this input reaches.
        let used = first(steps, |from| Ok(!self.learns(bench, module, Steps::From(from))?))?;
        let Some(used) = used.checked_sub(1) else { return Ok(None) };
        let Some([last, _]) = self.reach(bench, module, Steps::From(used))? else { return Ok(None) };
        let targets = first(used, |from| {
            Ok(self.reach(bench, module, Steps::From(from))?.is_none_or(|[row, _]| row >= last))
        })?;
        let contexts = first(steps, |to| {
            Ok(self.reach(bench, module, Steps::To(to))?.is_some_and(|[_, row]| row >= last))
        })?;
        Ok((contexts > 0).then_some(Span { contexts, targets }))
    }

    /// The number of input steps, from the first on, that reach only the first step from which a module learns; `None`
    /// if there are none.
    ///
    /// # Errors
    /// If the network cannot make a step.
    pub fn first_contexts(&mut self, bench: &mut Bench, module: usize) -> Result<Option<usize>> {
        let steps = bench.steps();
        let used = first(steps, |to| self.learns(bench, module, Steps::To(to)))?;
        if used == steps {
            return Ok(None);
        }
        let Some([_, row]) = self.reach(bench, module, Steps::To(used))? else { return Ok(None) };
        let end = first(steps, |to| {
            Ok(self.reach(bench, module, Steps::To(to))?.is_some_and(|[_, last]| last > row))
        })?;
        Ok((end > 0 && end < steps).then_some(end))
    }

    /// Whether a module's update changes with these steps.
    fn learns(&mut self, bench: &mut Bench, module: usize, steps: Steps) -> Result<bool> {
        if let Some(found) = self.learns.get(&steps) {
            return Ok(found[module]);
        }
        let plain = match self.plain.take() {
            Some(plain) => plain,
            None => bench.plain()?,
        };
        let after = bench.updates(&|time, _| steps.holds(time), &|_| true)?;
        let changed: BTreeSet<String> = plain
            .iter()
            .filter(|(name, was)| after.get(*name) != Some(was))
            .map(|(name, _)| owner(name))
            .collect();
        self.plain = Some(plain);
        let modules = 0..bench.network.modules().len();
        let found: Vec<bool> =
            modules.map(|one| names(bench, one).iter().any(|name| changed.contains(name))).collect();
        let answer = found[module];
        self.learns.insert(steps, found);
        Ok(answer)
    }

    /// See [`Bench::reach`].
    fn reach(&mut self, bench: &mut Bench, module: usize, steps: Steps) -> Result<Option<[usize; 2]>> {
        if let Some(found) = self.reach.get(&steps) {
            return Ok(found[module]);
        }
        let found = bench.reach(&|time| steps.holds(time))?;
        let answer = found[module];
        self.reach.insert(steps, found);
        Ok(answer)
    }
}

/// The owners of a module's updates: its layers and its rule.
pub fn names(bench: &Bench, module: usize) -> Vec<String> {
    let layers = bench.network.modules().get(module).map_or(0..0, |module| module.layers());
    layers.map(|layer| format!("layer.{layer}")).chain([format!("module.{module}")]).collect()
}

/// The largest ‖change‖ / ‖U‖ of a mixed difference in a module, minus the noise floor.
pub fn largest_in(bench: &Bench, module: usize, change: &Updates, of: &Sizes) -> f64 {
    let names = names(bench, module);
    bench.beyond_rounding(change, of, &|one| names.iter().any(|name| name == one))
}

/// The first number of `0..end` for which `holds` is true, by bisection; `end` if there is none. If it is true for a
/// number, it must be true for all larger ones.
fn first(end: usize, mut holds: impl FnMut(usize) -> Result<bool>) -> Result<usize> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_finds_the_first_that_holds() {
        for end in 0..9 {
            for place in 0..=end {
                assert_eq!(first(end, |at| Ok(at >= place)).unwrap(), place);
            }
        }
    }
}
