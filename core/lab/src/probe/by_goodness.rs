//! Classification without a classifier: the answer is the class with which a stimulus has the largest goodness.

use super::result::{Beside, Found};
use crate::loader::HostBatch;
use crate::network::Network;
use plasticity_core::device::Device;
use plasticity_core::stimulus::Label;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How often the class with the largest goodness is correct, in percent of the test stimuli (Hinton 2022).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByGoodness {
    /// By the goodness of each single module.
    pub modules: Vec<Beside<f64>>,
    /// By the sum over all modules except the first, or by the only module.
    pub together: Beside<f64>,
}

impl ByGoodness {
    /// The results of two networks, each from [`by_goodness`].
    pub(super) fn new(trained: &[f64], untrained: &[f64]) -> Option<Self> {
        let both = trained.iter().zip(untrained);
        let mut modules: Vec<Beside<f64>> =
            both.map(|(&trained, &untrained)| Beside { trained, untrained }).collect();
        let together = modules.pop()?;
        Some(Self { modules, together })
    }
}

/// Writes every class in turn on the stimuli; the class with the largest goodness is the answer. Returns the accuracy
/// of each module and, last, the accuracy of [all except the first](ByGoodness::together). `None` if the network's
/// rules have no goodness.
///
/// # Errors
/// If a stimulus has no class, or does not fit the network.
pub(super) fn by_goodness(
    network: &mut Network,
    batches: impl Iterator<Item = Result<HostBatch>>,
    classes: usize,
    device: &Device,
) -> Result<Option<Vec<f64>>> {
    let modules = network.modules().len();
    let (mut found, mut stimuli) = (vec![Found::default(); modules + 1], 0);
    for batch in batches {
        let batch = batch?.to_device(device)?;
        // For each class, the goodness of each module and stimulus.
        let mut of_classes = Vec::new();
        for class in 0..classes as u32 {
            let Some(mut goodness) = network.goodness(&batch.input, class)? else { return Ok(None) };
            one_each(&goodness, batch.labels.len())?;
            goodness.push(together(&goodness));
            of_classes.push(goodness);
        }
        for (stimulus, label) in batch.labels.iter().enumerate() {
            let Label::Class(own) = label else {
                return Err(Error::stimulus("probe", "goodness needs one class for each stimulus"));
            };
            for (module, found) in found.iter_mut().enumerate() {
                let goodness: Vec<f32> = of_classes.iter().map(|modules| modules[module][stimulus]).collect();
                found.count(*own as usize, &goodness, f32::total_cmp);
            }
            stimuli += 1;
        }
    }
    Ok(Some(found.into_iter().map(|found| found.in_percent(stimuli, classes).accuracy).collect()))
}

/// Checks that each module has a goodness of each stimulus.
fn one_each(modules: &[Vec<f32>], stimuli: usize) -> Result<()> {
    match modules.iter().position(|goodness| goodness.len() != stimuli) {
        None => Ok(()),
        Some(module) => {
            let found = modules[module].len();
            let message = format!(
                "its rule's `goodness` returns {found} values, expected one for each of {stimuli} stimuli"
            );
            Err(Error::shape(format!("module {}", module + 1), message))
        }
    }
}

/// The sum over all modules except the first. The goodness of the first module depends most on the written label and
/// least on the stimulus.
fn together(modules: &[Vec<f32>]) -> Vec<f32> {
    let counted = if modules.len() > 1 { &modules[1..] } else { modules };
    let stimuli = counted.first().map_or(0, Vec::len);
    (0..stimuli).map(|stimulus| counted.iter().map(|module| module[stimulus]).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_must_give_the_goodness_of_each_stimulus() {
        one_each(&[vec![1.0, 2.0], vec![0.0, 0.0]], 2).unwrap();
        let error = one_each(&[vec![1.0, 2.0], vec![1.0]], 2).unwrap_err().to_string();
        assert!(error.starts_with("module 2: its rule's `goodness` returns 1 values"), "{error}");
    }

    #[test]
    fn the_first_module_counts_only_where_it_is_alone() {
        assert_eq!(together(&[vec![1.0, 2.0]]), [1.0, 2.0]);
        assert_eq!(together(&[vec![9.0, 9.0], vec![1.0, 2.0], vec![0.5, 0.0]]), [1.5, 2.0]);
    }
}
