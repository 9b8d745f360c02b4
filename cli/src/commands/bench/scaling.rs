//! Predicts step time and cost for several ranks: a model from the step measured here and a given link.

use crate::output;
use crate::profile::Stage;
use plasticity_core::Result;
use plasticity_lab::network::Network;
use plasticity_lab::ranks::Negatives;
use serde::Serialize;

/// A link between ranks.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Link {
    /// 10⁹ bytes per second that each rank sends.
    pub gigabytes: f64,
    /// Microseconds from one rank to another.
    pub microseconds: f64,
}

/// The times of a module's step on one rank, in milliseconds, and the sizes of its communication between ranks.
#[derive(Clone, Copy, Debug, Default)]
struct Module {
    forward: f64,
    rule: f64,
    summed: f64,
    gathered: f64,
}

/// A step on one rank.
pub struct Step {
    modules: Vec<Module>,
    /// The whole step, in milliseconds.
    whole: f64,
    /// The time of work that every rank repeats: optimisers, and everything outside the stages.
    repeated: f64,
    negatives: Negatives,
}

/// The prediction for a number of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// Number of ranks.
    pub ranks: usize,
    /// A step, in milliseconds.
    pub step_ms: f64,
    /// The step time of one rank divided by `step_ms`.
    pub speedup: f64,
    /// Communication in a step, in milliseconds.
    pub communication_ms: f64,
    /// The share of the communication that is hidden behind forward passes.
    pub hidden: f64,
    /// Number of ranks times hours of the whole training.
    pub rank_hours: f64,
}

impl Step {
    /// A step of `whole` milliseconds, divided according to the shares of the stages.
    pub fn new(network: &mut Network, stages: &[Stage], whole: f64, negatives: Negatives) -> Self {
        let ms = |part: &str, stage: &str| -> f64 {
            let of = |found: &&Stage| found.part == part && found.stage.split(": ").next() == Some(stage);
            stages.iter().filter(of).map(|found| found.share / 100.0 * whole).sum()
        };
        let names: Vec<String> = network.layer_names().into_iter().map(str::to_owned).collect();
        let shapes: Vec<_> =
            network.modules().iter().map(|module| (module.layers(), module.target().len())).collect();
        let own_bytes = |network: &mut Network, prefix: &str| -> f64 {
            let learning = network.parameters().into_iter();
            let learning =
                learning.filter(|(name, parameter)| name.starts_with(prefix) && parameter.learns());
            learning.map(|(_, parameter)| 4.0 * parameter.value().len() as f64).sum()
        };
        let mut modules = Vec::new();
        for (index, (layers, target)) in shapes.into_iter().enumerate() {
            let mut summed: f64 =
                layers.clone().map(|layer| own_bytes(network, &format!("layer.{layer}."))).sum();
            let mut gathered = 4.0 * target as f64;
            if negatives == Negatives::Shard {
                summed += own_bytes(network, &format!("module.{index}."));
                gathered = 0.0;
            }
            let forward = layers.map(|layer| ms(&format!("layer {}", names[layer]), "forward")).sum();
            modules.push(Module {
                forward,
                rule: ms(&format!("module {}", index + 1), "rule"),
                summed,
                gathered,
            });
        }
        let optimisers: f64 =
            (1..=modules.len()).map(|index| ms(&format!("module {index}"), "optimiser")).sum();
        Self { modules, whole, repeated: optimisers + ms("step", "all else"), negatives }
    }

    /// The prediction for `ranks` ranks, in a training of `steps` steps.
    pub fn on(&self, ranks: usize, link: Link, steps: u64) -> Predicted {
        let n = ranks as f64;
        let rules: f64 = self.modules.iter().map(|module| module.rule).sum();
        let repeated = self.repeated + if self.negatives == Negatives::Global { rules } else { 0.0 };
        let computed = repeated + (self.whole - repeated) / n;
        let sent = |bytes: f64| bytes / (link.gigabytes * 1e6) * (n - 1.0) / n;
        let latency = link.microseconds / 1e3 * n.log2().ceil();
        let (mut all, mut seen) = (0.0, 0.0);
        for (index, module) in self.modules.iter().enumerate() {
            let (mut gather, mut sum) = (0.0, 0.0);
            if ranks > 1 {
                sum = 2.0 * (sent(module.summed) + latency);
                gather = if module.gathered > 0.0 { sent(module.gathered) + latency } else { 0.0 };
            }
            let behind = self.modules.get(index + 1).map_or(0.0, |above| above.forward / n);
            all += sum + gather;
            seen += (sum - behind).max(0.0) + gather;
        }
        let step_ms = computed + seen;
        Predicted {
            ranks,
            step_ms,
            speedup: self.whole / step_ms,
            communication_ms: all,
            hidden: if all > 0.0 { 1.0 - seen / all } else { 0.0 },
            rank_hours: n * step_ms * steps as f64 / 3.6e6,
        }
    }

    /// Bytes that ranks sum and gather in a step.
    fn bytes(&self) -> (f64, f64) {
        self.modules.iter().fold((0.0, 0.0), |(summed, gathered), module| {
            (summed + module.summed, gathered + module.gathered)
        })
    }

    /// Predictions for 1, 2, 4 … ranks, up to `most`.
    pub fn table(&self, most: usize, link: Link, steps: u64) -> Vec<Predicted> {
        let powers = (0..).map(|power| 1 << power).take_while(|&ranks| ranks < most);
        powers.chain([most]).map(|ranks| self.on(ranks, link, steps)).collect()
    }

    /// Prints predictions with their assumptions.
    pub fn print(&self, predicted: &[Predicted], link: Link, batch: usize, steps: u64) -> Result<()> {
        let head =
            ["ranks", "step ms", "speed-up", "efficiency %", "communication ms", "hidden %", "rank-hours"];
        let row = |one: &Predicted| {
            let numbers = [
                (one.step_ms, 2),
                (one.speedup, 2),
                (100.0 * one.speedup / one.ranks as f64, 0),
                (one.communication_ms, 3),
                (100.0 * one.hidden, 0),
                (one.rank_hours, 3),
            ];
            let numbers = numbers.iter().map(|(number, digits)| format!("{number:.digits$}"));
            std::iter::once(one.ranks.to_string()).chain(numbers).collect()
        };
        let rows: Vec<Vec<String>> = predicted.iter().map(row).collect();
        output::print(&output::table(&head.map(str::to_owned), &rows))?;
        let (summed, gathered) = self.bytes();
        let rules = match self.negatives {
            Negatives::Global => "every rank computes each rule on the whole batch",
            Negatives::Shard => "each rank computes rules on its shard",
        };
        output::print(&format!(
            "\nThis is a model, not a measurement. It starts from the step of one rank as measured here. n \
             ranks share {batch} stimuli in each of {steps} steps. Layers take 1/n of their time on 1/n of \
             the stimuli; {rules}; optimisers and everything else take their whole time on every rank. Ranks \
             are alike, and nothing else uses the link of {} GB/s and {} µs. A step sums {:.2} MB of updates \
             during the forward pass of the next module: each rank sends 2 (n − 1)/n of them in 2 ⌈log₂ n⌉ \
             messages, one after another. A step also gathers {:.2} MB of representations, and nothing is \
             computed meanwhile. Rank-hours are n times the hours of all steps.",
            link.gigabytes,
            link.microseconds,
            summed / 1e6,
            gathered / 1e6
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(negatives: Negatives) -> Step {
        let module = |forward| Module { forward, rule: 1.0, summed: 1e6, gathered: 1e5 };
        Step { modules: vec![module(10.0), module(20.0)], whole: 100.0, repeated: 4.0, negatives }
    }

    #[test]
    fn one_rank_is_what_was_measured_and_many_come_to_what_they_repeat() {
        let link = Link { gigabytes: 1.0, microseconds: 0.0 };
        let one = step(Negatives::Global).on(1, link, 3_600_000);
        assert_eq!(
            (one.step_ms, one.speedup, one.communication_ms, one.rank_hours),
            (100.0, 1.0, 0.0, 100.0)
        );
        // 6 ms are repeated. The sum of 1 MB takes 2 (n − 1)/n ms, the first behind 20 / n ms; gathers take 0.1
        // (n − 1)/n ms.
        let two = step(Negatives::Global).on(2, link, 1);
        assert!((two.step_ms - (6.0 + 94.0 / 2.0 + 1.0 + 0.1)).abs() < 1e-9, "{two:?}");
        assert!((two.hidden - 1.0 / 2.1).abs() < 1e-9);
        let many = step(Negatives::Global).on(1 << 20, link, 1);
        assert!((many.step_ms - (6.0 + 2.0 + 2.0 + 0.2)).abs() < 1e-2, "{many:?}");
        let shards = step(Negatives::Shard).on(1 << 20, link, 1);
        assert!(shards.step_ms < many.step_ms - 1.9);
    }

    #[test]
    fn latency_counts_for_every_message() {
        let link = Link { gigabytes: f64::INFINITY, microseconds: 1000.0 };
        let four = step(Negatives::Global).on(4, link, 1);
        // Two modules, each with a sum of 2 · 2 messages and a gather of 2.
        assert!((four.communication_ms - 12.0).abs() < 1e-9);
    }

    #[test]
    fn ranks_are_powers_of_two_up_to_the_number_asked_for() {
        let link = Link { gigabytes: 1.0, microseconds: 1.0 };
        let ranks = |most| {
            step(Negatives::Global).table(most, link, 1).iter().map(|one| one.ranks).collect::<Vec<_>>()
        };
        assert_eq!(ranks(6), [1, 2, 4, 6]);
        assert_eq!(ranks(64), [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(ranks(1), [1]);
    }
}
