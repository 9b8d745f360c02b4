//! Losses that stay at their trivial value.

use crate::experiment::Experiment;
use crate::run::Record;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::plasticity::{PlasticityRule, Signals};
use plasticity_core::representation::Representation;

/// The largest distance from the trivial value, as a share of it, at which a loss counts as trivial.
const NEAR: f64 = 0.01;
/// Number of steps at the trivial value before a warning.
const STEPS: u64 = 1000;

/// The trivial loss of every module: the loss if all its activity is 0, so that all stimuli look the same. It is 2 for
/// CLAPP-s, 2 ln 2 for a logistic loss of a fixation and a saccade, ln C for a choice among C. `None` for a rule whose
/// trivial loss is 0 or does not exist. It is measured on an untrained network and the run's first batch.
///
/// # Errors
/// If a batch cannot be made, or a rule cannot work without activity.
pub fn trivial_losses(experiment: &Experiment, device: &Device) -> Result<Vec<Option<f64>>> {
    let seed = experiment.config().seed;
    let mut network = experiment.network(device)?;
    let mut losses = Vec::new();
    for host in experiment.loader(0..1)? {
        let batch = host?.to_device(device)?;
        let labels = batch.classes();
        let draws = &mut SeededDraws::of_modules(seed, 0);
        let mut silent = |rule: &mut dyn PlasticityRule, signals: &Signals, draws: &mut dyn Draws| {
            let target = silence(signals.target, device)?;
            let context = signals.context.map(|context| silence(context, device)).transpose()?;
            let top = signals.top.map(|top| silence(top, device)).transpose()?;
            let silent = Signals::new(&target).with_context(context.as_ref()).with_top(top.as_ref());
            rule.update(&silent.with_labels(signals.labels), draws)
        };
        network.step_with(batch.input, labels.as_deref(), draws, &mut silent, &mut |module| {
            let loss = module.loss.to_vec()?.first().map(|&loss| f64::from(loss));
            losses.push(loss.filter(|loss| loss.is_finite() && loss.abs() > 1e-6));
            Ok(())
        })?;
    }
    Ok(losses)
}

/// A representation of the same shape without activity.
fn silence(of: &Representation, device: &Device) -> Result<Representation> {
    Representation::new(of.shape(), Buffer::zeros(device, of.data().len())?)
}

/// The step since which the loss of each module has its trivial value.
pub struct Standing {
    trivial: Vec<Option<f64>>,
    since: Vec<Option<u64>>,
}

impl Standing {
    pub fn new(trivial: Vec<Option<f64>>) -> Self {
        Self { since: vec![None; trivial.len()], trivial }
    }

    /// Processes a record of a step in which each module learned at a rate, or not at all. Returns the modules (from 0)
    /// whose losses have been trivial for a long time although they learn, with the value.
    pub fn hear(&mut self, record: &Record, rates: &[Option<f64>]) -> Vec<(usize, f64)> {
        let mut long = Vec::new();
        let each = record.loss.iter().zip(&self.trivial).zip(&mut self.since).enumerate();
        for (module, ((loss, trivial), since)) in each {
            let Some(trivial) = trivial else { continue };
            let rests = rates.get(module).is_some_and(Option::is_none);
            if rests || (f64::from(*loss) - trivial).abs() > NEAR * trivial.abs() {
                *since = None;
            } else if record.step - *since.get_or_insert(record.step) >= STEPS {
                long.push((module, *trivial));
            }
        }
        long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_stands_is_found_and_one_that_moves_is_not() {
        let mut standing = Standing::new(vec![Some(2.0), None, Some(2.0)]);
        let mut found = Vec::new();
        for step in (20..=2000).step_by(20) {
            // The first module leaves its trivial value once, after 900 steps.
            let first = if step == 900 { 1.9 } else { 1.99 };
            let (loss, measures) = (vec![first, 2.0, 2.001], Default::default());
            let record = Record { step, epoch: 0, loss, surprise: Vec::new(), measures };
            let rates = [Some(1e-3), Some(1e-3), Some(1e-3)];
            found.extend(standing.hear(&record, &rates).into_iter().map(|(module, _)| (step, module)));
        }
        assert_eq!(found.first(), Some(&(1020, 2)));
        assert_eq!(found.iter().find(|(_, module)| *module == 0), Some(&(1920, 0)));
        assert!(found.iter().all(|(_, module)| *module != 1));
    }

    #[test]
    fn a_module_that_waits_for_its_turn_is_not_named() {
        let mut standing = Standing::new(vec![Some(2.0)]);
        let mut named = |step, rate| {
            let (loss, measures) = (vec![2.0], Default::default());
            let record = Record { step, epoch: 0, loss, surprise: Vec::new(), measures };
            !standing.hear(&record, &[rate]).is_empty()
        };
        assert!(!named(1, None) && !named(2000, None) && !named(2020, Some(1e-3)));
        assert!(named(3020, Some(1e-3)));
    }
}
