//! Compares a config's rule with automatic differentiation of the rule's loss, layer by layer. If the
//! rule itself uses automatic differentiation, compares it with finite differences of the loss.

use super::differences::differences;
use super::{Comparison, norm};
use crate::audit::owner;
use crate::experiment::Experiment;
use crate::network::{ModuleStep, Network};
use crate::training::Trainer;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::plasticity::{RuleUpdate, autodiff};
use plasticity_core::stimulus::Batch;
use plasticity_core::{Error, Result};

/// Added to the denominator of a relative error. If fixations and saccades nearly cancel, an update of
/// this size or less cannot be distinguished from rounding in `f32`.
const SMALL: f64 = 1e-3;

/// The comparison at one stage of training.
pub struct Stage {
    /// Steps of training before it.
    pub steps: u64,
    /// The reference of the comparison.
    pub against: Against,
    /// The comparison of every parameter's update.
    pub tensors: Vec<Comparison>,
}

/// The reference with which the updates of a rule are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Automatic differentiation of its loss.
    Autodiff,
    /// Finite differences of its loss, since the rule itself uses automatic differentiation.
    Differences,
    /// Nothing: it follows no loss.
    Nothing,
}

/// Compares on a new network and after `steps` steps.
///
/// # Errors
/// If the network or its stimuli cannot be made.
pub fn compare(experiment: &Experiment, steps: u64, device: &Device) -> Result<Vec<Stage>> {
    let seed = experiment.config().seed;
    let mut trainer = Trainer::new(experiment.network(device)?, seed);
    let mut loader = experiment.loader(0..steps + 2)?;
    let mut next = || -> Result<Batch> {
        let none = || Error::stimulus("verify", "there are too few stimuli");
        loader.next().ok_or_else(none)??.to_device(device)
    };
    let mut stages = vec![stage(trainer.network_mut(), next()?, seed, 0)?];
    if steps > 0 && trainer.network().learns() {
        for _ in 0..steps {
            trainer.step(next()?, false)?;
        }
        stages.push(stage(trainer.network_mut(), next()?, seed, steps)?);
    }
    Ok(stages)
}

/// Makes one step with the rules' own updates and one with automatic differentiation of their losses,
/// on the same batch and draws. Errors are relative to the largest tensor of the layer or of the rule.
fn stage(network: &mut Network, batch: Batch, seed: u64, steps: u64) -> Result<Stage> {
    let labels = batch.classes();
    let mut draws = SeededDraws::of_modules(seed, 0);
    let mut own = Vec::new();
    let keep = |mut step: ModuleStep, into: &mut Vec<(String, Vec<f32>)>| -> Result<()> {
        into.extend(step.named()?);
        Ok(())
    };
    network.step(batch.input.clone(), labels.as_deref(), &mut draws, &mut |step| keep(step, &mut own))?;
    let mut expected = Vec::new();
    let (mut follows, mut by_itself, mut of_loss, mut module) = (true, true, Vec::new(), 0);
    network.step_with(
        batch.input,
        labels.as_deref(),
        &mut draws,
        &mut |rule, signals, draws| {
            let made = rule.update(signals, draws)?;
            module += 1;
            match autodiff::update(rule, signals, draws)? {
                Some(update) => {
                    by_itself &= same(&made, &update)?;
                    if by_itself {
                        of_loss.extend(differences(rule, signals, draws, &made, module - 1)?);
                    }
                    Ok(update)
                }
                None => {
                    follows = false;
                    Ok(made)
                }
            }
        },
        &mut |step| keep(step, &mut expected),
    )?;
    if !follows {
        return Ok(Stage { steps, against: Against::Nothing, tensors: Vec::new() });
    }
    if by_itself {
        return Ok(Stage { steps, against: Against::Differences, tensors: of_loss });
    }
    let beside = own.iter().zip(&expected).map(|((tensor, own), (_, expected_of_it))| {
        let beside = expected.iter().filter(|(name, _)| owner(name) == owner(tensor));
        let largest = beside.map(|(_, values)| norm(values)).fold(0.0, f64::max);
        let difference: Vec<f32> =
            own.iter().zip(expected_of_it).map(|(own, expected)| own - expected).collect();
        let relative_error =
            (own.len() == expected_of_it.len()).then(|| norm(&difference) / (largest + SMALL));
        Comparison::new(tensor, relative_error)
    });
    Ok(Stage { steps, against: Against::Autodiff, tensors: beside.collect() })
}

/// Whether two updates have the same bits.
fn same(one: &RuleUpdate, other: &RuleUpdate) -> Result<bool> {
    let equal = |one: &Buffer, other: &Buffer| -> Result<bool> {
        let (one, other) = (one.to_vec()?, other.to_vec()?);
        Ok(one.len() == other.len()
            && one.iter().zip(&other).all(|(one, other)| one.to_bits() == other.to_bits()))
    };
    let context = match (&one.context, &other.context) {
        (Some(one), Some(other)) => equal(one, other)?,
        (one, other) => one.is_none() && other.is_none(),
    };
    let mut own = one.own.len() == other.own.len();
    for (one, other) in one.own.iter().zip(&other.own) {
        own = own && equal(one, other)?;
    }
    Ok(context && own && equal(&one.target, &other.target)?)
}
