//! A config's rule against automatic differentiation of the rule's loss, layer by layer.

use super::{Comparison, norm};
use crate::audit::owner;
use crate::experiment::Experiment;
use crate::network::{ModuleStep, Network};
use crate::training::Trainer;
use plasticity_core::device::Device;
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::plasticity::autodiff;
use plasticity_core::stimulus::Batch;
use plasticity_core::{Error, Result};

/// Added to what an error is relative to: an update of this size or less is not told from rounding in `f32`, where nearly
/// all of fixations and saccades cancels.
const SMALL: f64 = 1e-3;

/// The comparison at one stage of training.
pub struct Stage {
    /// Steps of training before it.
    pub steps: u64,
    /// Every parameter's update beside autodiff's; `None` where the rule follows no loss.
    pub tensors: Option<Vec<Comparison>>,
}

/// Compares on a freshly made network and after `steps` steps.
///
/// # Errors
/// Where the network or its stimuli cannot be made.
pub fn compare(experiment: &Experiment, steps: u64, device: &Device) -> Result<Vec<Stage>> {
    let seed = experiment.config().seed;
    let mut trainer = Trainer::new(experiment.network(device)?, seed);
    let mut loader = experiment.loader(0..steps + 2)?;
    let mut next = || -> Result<Batch> {
        let none = || Error::stimulus("verify", "there are too few stimuli");
        loader.next().ok_or_else(none)??.to_device(device)
    };
    let mut stages = vec![Stage { steps: 0, tensors: stage(trainer.network_mut(), next()?, seed)? }];
    if steps > 0 && trainer.network().learns() {
        for _ in 0..steps {
            trainer.step(next()?, false)?;
        }
        stages.push(Stage { steps, tensors: stage(trainer.network_mut(), next()?, seed)? });
    }
    Ok(stages)
}

/// One step by the rules' own updates and one by autodiff of their losses, on the same batch and draws. Errors are relative
/// to the largest tensor of the layer, or of the rule.
fn stage(network: &mut Network, batch: Batch, seed: u64) -> Result<Option<Vec<Comparison>>> {
    let labels = batch.classes();
    let mut draws =
        |module: usize| Box::new(SeededDraws { seed, step: 0, module: module as u64 }) as Box<dyn Draws>;
    let mut own = Vec::new();
    let keep = |mut step: ModuleStep, into: &mut Vec<(String, Vec<f32>)>| -> Result<()> {
        into.extend(step.named()?);
        Ok(())
    };
    network.step(batch.input.clone(), labels.as_deref(), &mut draws, &mut |step| keep(step, &mut own))?;
    let mut expected = Vec::new();
    let mut follows = true;
    network.step_with(
        batch.input,
        labels.as_deref(),
        &mut draws,
        &mut |rule, signals, draws| match autodiff::update(rule, signals, draws)? {
            Some(update) => Ok(update),
            None => {
                follows = false;
                rule.update(signals, draws)
            }
        },
        &mut |step| keep(step, &mut expected),
    )?;
    if !follows {
        return Ok(None);
    }
    let beside = own.iter().zip(&expected).map(|((tensor, own), (_, expected_of_it))| {
        let beside = expected.iter().filter(|(name, _)| owner(name) == owner(tensor));
        let largest = beside.map(|(_, values)| norm(values)).fold(0.0, f64::max);
        let difference: Vec<f32> =
            own.iter().zip(expected_of_it).map(|(own, expected)| own - expected).collect();
        let relative_error =
            (own.len() == expected_of_it.len()).then(|| norm(&difference) / (largest + SMALL));
        Comparison { tensor: tensor.clone(), relative_error }
    });
    Ok(Some(beside.collect()))
}
