//! Which steps of the input reach the first and the last step in time that a module learns from.
//!
//! A target follows its context. So the last step that a module learns from is never a context, and the first one never a
//! target. In patches, a step of the input is a step of every module. In speech and video a module's step sees many
//! steps of the input, and lower modules may learn from a window drawn at random: so these places are searched for.

use super::measure::{Bench, Sizes, Updates, owner};
use plasticity_core::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Places in the input of one module, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Steps before this one reach contexts and no target of the module's last step.
    pub contexts: usize,
    /// Steps from this one on reach nothing but the module's last step.
    pub targets: usize,
}

/// What switching steps of the input changes, for all modules at once; kept, since modules ask for the same steps.
#[derive(Default)]
pub struct Search {
    plain: Option<Updates>,
    learns: BTreeMap<Steps, Vec<bool>>,
    reach: BTreeMap<Steps, Vec<Option<[usize; 2]>>>,
}

/// Steps of the input, from one on or up to one.
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
    /// The span of a module; `None` where no step of the input is one of the two alone.
    ///
    /// # Errors
    /// If the network cannot make a step.
    pub fn span(&mut self, bench: &mut Bench, module: usize) -> Result<Option<Span>> {
        let steps = bench.steps();
        if steps == 1 {
            return Ok(Some(Span { contexts: 1, targets: 0 }));
        }
        // The last step of the input that this module learns from, and the step of its target that it reaches.
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

    /// How many steps of the input, counted from the first, reach nothing that a module learns from but the first step of
    /// it; `None` where there are none.
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

    /// Whether a module's update changes with such steps.
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

/// What a module's updates belong to: its layers and its rule.
pub fn names(bench: &Bench, module: usize) -> Vec<String> {
    let layers = bench.network.modules().get(module).map_or(0..0, |module| module.layers());
    layers.map(|layer| format!("layer.{layer}")).chain([format!("module.{module}")]).collect()
}

/// The largest ‖change‖ / ‖U‖ of a mixed difference in a module, minus the noise floor.
pub fn largest_in(bench: &Bench, module: usize, change: &Updates, of: &Sizes) -> f64 {
    let names = names(bench, module);
    bench.beyond_rounding(change, of, &|one| names.iter().any(|name| name == one))
}

/// The first of `0..end` that holds, by halving; `end` where none does. Once it holds, it has to hold for all that
/// follow.
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
