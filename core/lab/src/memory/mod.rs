//! A lower bound of the memory that a config needs, summed before anything is drawn, and the memory that is available.

mod limit;

pub use limit::{Limit, limit};

use crate::network::{Network, NetworkPlan, Owner};
use crate::optimiser::OptimiserSpec;
use plasticity_core::device::{Device, ON_GPU};
use plasticity_core::map::MapShape;
use plasticity_core::{Error, Result};
use tracing::dispatcher::{Dispatch, with_default};

/// Bytes of one value.
const VALUE: u64 = size_of::<f32>() as u64;

/// Bytes that are needed at the same time, by use. This is a lower bound: temporary memory of kernels is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    parts: Vec<(&'static str, u64)>,
}

impl Memory {
    /// The memory of a network while it learns: its weights, the averages of the optimisers, and for the largest module
    /// the updates, the maps of a batch, and the scores of its rule. `sized` is the plan's network from [`sized`].
    ///
    /// # Errors
    /// If a layer cannot work on its input.
    pub fn of_network(sized: &mut Network, plan: &NetworkPlan) -> Result<Self> {
        let maps = sized.shapes(plan.rule.demands().prepared(plan.input))?;
        let (mut weights, mut learning) = (0_u64, vec![0_u64; plan.modules.len()]);
        let modules: Vec<_> = sized.modules().iter().map(|module| module.layers()).collect();
        for (name, parameter) in sized.parameters() {
            let values = parameter.len() as u64;
            weights = weights.saturating_add(values);
            let owner = match Owner::of(&name) {
                Some((Owner::Layer(layer), _)) => modules.iter().position(|layers| layers.contains(&layer)),
                Some((Owner::Module(module), _)) => Some(module),
                None => None,
            };
            if let Some(learning) =
                owner.and_then(|module| learning.get_mut(module)).filter(|_| parameter.learns())
            {
                *learning = learning.saturating_add(values);
            }
        }
        let kept = |module| plan.optimiser.get(module).map_or(0, OptimiserSpec::averages);
        let averages = learning
            .iter()
            .enumerate()
            .fold(0_u64, |sum, (module, values)| sum.saturating_add(values.saturating_mul(kept(module))));
        let of_module = |layers: &std::ops::Range<usize>| {
            let below = layers.start.checked_sub(1).map_or(plan.input, |below| maps[below]);
            std::iter::once(&below)
                .chain(&maps[layers.clone()])
                .fold(0_u64, |sum, map| sum.saturating_add(values(map)))
        };
        let compared = sized.modules().iter().map(|module| plan.rule.compared(module.target())).max();
        Ok(Self::default()
            .with("weights", weights)
            .with("averages of the optimiser", averages)
            .with("updates of the largest module", learning.iter().copied().max().unwrap_or(0))
            .with("maps of the largest module", modules.iter().map(of_module).max().unwrap_or(0))
            .with("scores of the rule's pairs", compared.unwrap_or(0)))
    }

    /// The same with this many more values for a use.
    #[must_use]
    pub fn with(mut self, what: &'static str, values: u64) -> Self {
        self.parts.extend((values > 0).then(|| (what, values.saturating_mul(VALUE))));
        self
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Returns an error if more is needed than available. For a GPU, its driver checks weights and maps.
    ///
    /// # Errors
    /// If more is needed than available; the error says how much, for which uses, how much is available, and the
    /// `remedy`: what to reduce.
    pub fn check(&self, limit: Option<Limit>, remedy: &str) -> Result<()> {
        match limit.filter(|limit| !ON_GPU && self.bytes() > limit.bytes) {
            Some(limit) => {
                let message = format!(
                    "needs at least {self}, but only {} are available ({}): {remedy}",
                    size(limit.bytes),
                    limit.of
                );
                Err(Error::shape("memory", message))
            }
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}", size(self.bytes()))?;
        let mut parts = self.parts.clone();
        parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let parts: Vec<_> = parts.iter().map(|(what, bytes)| format!("{what} {}", size(*bytes))).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, " ({})", parts.join(", ")) }
    }
}

/// The network of a plan without values: names and shapes of all parameters are known, and nothing is drawn. `None` if
/// this is impossible: either the plan is wrong, and building the network gives the error, or a plugin computes with
/// its weights while it is built.
pub fn sized(plan: &NetworkPlan, device: &Device) -> Option<Network> {
    // Warnings about the plan appear when the real network is built.
    with_default(&Dispatch::none(), || Network::build(plan, &device.sizing())).ok()
}

/// The number of values of a map; the largest number if it overflows.
pub fn values(map: &MapShape) -> u64 {
    let factors = [map.time, map.location, map.batch, map.channels].into_iter().chain(map.extent);
    factors.fold(1, |product, factor| product.saturating_mul(factor as u64))
}

/// Bytes in MiB, or in GiB if they are many.
pub fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.1} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_with_its_parts_the_largest_first() {
        let memory = Memory::default().with("weights", 1 << 20).with("maps", 1 << 30).with("nothing", 0);
        let limit = |bytes| Some(Limit { bytes, of: "ulimit -v" });
        assert_eq!(memory.bytes(), (1 << 22) + (1 << 32));
        let check = |limit| memory.check(limit, "probe.layers: probe fewer layers");
        check(None).and_then(|()| check(limit(memory.bytes()))).unwrap();
        if !ON_GPU {
            let error = check(limit(3 << 20)).unwrap_err().to_string();
            let expected = "memory: needs at least 4.0 GiB (maps 4.0 GiB, weights 4.0 MiB), but only 3.0 MiB are \
                            available (ulimit -v): probe.layers: probe fewer layers";
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn sums_that_cannot_be_counted_are_large_and_not_small() {
        let map = MapShape { time: usize::MAX, location: 3, batch: 2, extent: [1; 3], channels: 1 };
        assert_eq!(values(&map), u64::MAX);
        assert_eq!(Memory::default().with("a", u64::MAX).with("b", 1).bytes(), u64::MAX);
    }
}
