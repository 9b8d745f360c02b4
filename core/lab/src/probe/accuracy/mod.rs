//! The linear probe: a linear classifier with a softmax, trained by Adam.

use super::classifier::{Classifier, Initial, Weights};
use super::in_f32::in_f32;
use super::labelled::{Labelled, Task};
use super::protocol::ProbeKind;
use super::result::{Chosen, Found};
use super::standardise::Scaling;
use crate::optimiser::{Optimiser, OptimiserSpec};
use crate::schedule::Schedule;
use plasticity_core::device::Device;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::RngExt;
use rand::seq::SliceRandom;

/// How a linear probe learns.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    /// The features that it uses.
    pub kind: ProbeKind,
    /// Passes over the training stimuli.
    pub epochs: u64,
    /// Adam's learning rate.
    pub rate: f32,
    /// Shares of the epochs after each of which the rate is halved.
    pub halve_at: Vec<f32>,
    /// The factor on the rate at each step.
    pub schedule: Option<Schedule>,
    /// Stimuli in a step.
    pub batch: usize,
    /// Probability with which each feature is left out in each step.
    pub dropout: f32,
    /// Weight decay, added to the gradient.
    pub weight_decay: f32,
    /// Whether batch normalisation precedes the classifier.
    pub batch_norm: bool,
    /// The initial weights.
    pub initial: Initial,
}

impl ProbeSettings {
    /// Checks settings that exclude each other.
    ///
    /// # Errors
    /// If steps of one row would be normalised, or the schedule's decay ends with its warm-up, however many steps an
    /// epoch has.
    pub(super) fn check(&self) -> Result<()> {
        if self.batch_norm && self.batch < 2 {
            let message = "with probe.batch_norm a step needs at least 2 stimuli, because one has no variance: \
                           give a larger batch, or leave probe.batch_norm out";
            return Err(Error::config("probe.batch", message));
        }
        // A probe during training has shorter epochs.
        let decays = |schedule: &Schedule, per_epoch| schedule.check("probe.schedule", per_epoch);
        let schedule = self.schedule.as_ref();
        schedule.map_or(Ok(()), |schedule| decays(schedule, 1).or_else(|_| decays(schedule, u64::MAX)))
    }
}

/// The percentage of test stimuli that a linear softmax classifier classifies correctly after learning, in f32.
///
/// Weights W `[classes, channels]` and bias b start uniform in ±1/√channels, or orthogonal and 0. Adam minimises the
/// mean cross entropy of softmax(W x + b). With `batch_norm`, x is normalised over the rows of a step, with a
/// learned gain and shift; a last step of one row, which has no variance, is left out. With `dropout` p, learning sees x ⊙ m / (1 − p), where each value of the mask m is 0
/// with probability p, drawn again for every row of every step (Srivastava et al. 2014); testing sees x. If rows are
/// held out, the tested classifier is the one after the epoch with the highest accuracy on them, in the first pass.
///
/// # Errors
/// If rows or labels do not fit, settings exclude each other, no row is left to learn from, or learning diverges (the
/// error names the key).
pub fn accuracy(
    settings: &ProbeSettings,
    task: &Task,
    device: &Device,
    random: &mut Random,
) -> Result<Found> {
    in_f32(device, || {
        let learned = learn(settings, task, device, random)?;
        let found = learned.classifier.test(&learned.test(task))?.ok_or_else(|| diverged(settings))?;
        Ok(Found { chosen: learned.chosen, ..found })
    })
}

/// The class that the classifier of [`accuracy`] names for each test row.
///
/// # Errors
/// As [`accuracy`].
pub fn predictions(
    settings: &ProbeSettings,
    task: &Task,
    device: &Device,
    random: &mut Random,
) -> Result<Vec<u32>> {
    in_f32(device, || {
        let learned = learn(settings, task, device, random)?;
        learned.classifier.named(&learned.test(task))?.ok_or_else(|| diverged(settings))
    })
}

/// A trained classifier.
struct Learned {
    classifier: Classifier,
    /// The test rows, if they are standardised.
    scaled_test: Option<Vec<f32>>,
    chosen: Option<Chosen>,
}

impl Learned {
    /// The test rows in the form that the classifier uses.
    fn test<'a>(&'a self, task: &Task<'a>) -> Labelled<'a> {
        Labelled { values: self.scaled_test.as_deref().unwrap_or(task.test.values), ..task.test }
    }
}

fn diverged(settings: &ProbeSettings) -> Error {
    let message = format!("with {} the probe's scores are not finite: give a lower rate", settings.rate);
    Error::config("probe.rate", message)
}

/// The error if all training stimuli are held out.
pub(super) fn nothing_left(stimuli: usize) -> Error {
    let message = format!(
        "would hold out all {stimuli} training stimuli: give a smaller share, or stimuli of several recordings"
    );
    Error::config("probe.validation", message)
}

/// How often the rate is halved before epoch `epoch` (from 0) of `epochs`.
fn halvings(halve_at: &[f32], epoch: u64, epochs: u64) -> i32 {
    // Rounded as the shares are: 0.2 in f32 is a little more than 0.2.
    let done = epoch as f32 / epochs as f32;
    halve_at.iter().filter(|&&share| done >= share).count() as i32
}

fn learn(settings: &ProbeSettings, task: &Task, device: &Device, random: &mut Random) -> Result<Learned> {
    settings.check()?;
    task.check()?;
    // Raw features can be many: they are not copied.
    let scaling =
        (settings.kind == ProbeKind::Standardised).then(|| Scaling::of(task.train, task.test.channels));
    let scaled = |rows: &Labelled| scaling.as_ref().map(|scaling| scaling.scaled(rows));
    let scaled_test = scaled(&task.test);
    let scaled_passes: Vec<_> = task.train.iter().map(scaled).collect();
    let of_pass = |(pass, scaled)| -> Labelled {
        let (pass, scaled): (&Labelled, &Option<Vec<f32>>) = (pass, scaled);
        Labelled { values: scaled.as_deref().unwrap_or(pass.values), ..*pass }
    };
    let passes: Vec<Labelled> = task.train.iter().zip(&scaled_passes).map(of_pass).collect();
    let rows = passes.first().map_or(0, |pass| pass.labels.len());
    let mut order: Vec<usize> = (0..rows).filter(|row| task.held_out.binary_search(row).is_err()).collect();
    if order.is_empty() {
        return Err(nothing_left(rows));
    }
    let held_out = passes.first().filter(|_| !task.held_out.is_empty()).map(|pass| pass.take(task.held_out));
    let validation = held_out.as_ref().map(|(values, labels)| Labelled { values, labels, ..task.test });
    let mut classifier = Classifier::new(task.test.channels, task.classes, settings, device, random)?;
    let mut optimiser = Optimiser::new(OptimiserSpec::adam(settings.rate, settings.weight_decay));
    // One row has no variance.
    let left_out = usize::from(settings.batch_norm && order.len() % settings.batch == 1);
    let used = order.len() - left_out;
    if used == 0 {
        let message = "needs at least 2 training stimuli: leave it out";
        return Err(Error::config("probe.batch_norm", message));
    }
    let per_epoch = used.div_ceil(settings.batch) as u64;
    let rates = settings.schedule.as_ref();
    let rates = rates.map(|schedule| schedule.rates(per_epoch, per_epoch.saturating_mul(settings.epochs)));
    let mut best: Option<(Chosen, Weights)> = None;
    for (epoch, pass) in (0..settings.epochs).zip(passes.iter().cycle()) {
        let halvings = halvings(&settings.halve_at, epoch, settings.epochs);
        optimiser.set_rate(settings.rate * 0.5_f32.powi(halvings));
        order.shuffle(random);
        for rows in order[..used].chunks(settings.batch) {
            let (values, labels) = pass.take(rows);
            let mut dropped = |values: &mut [f32]| {
                if settings.dropout > 0.0 {
                    drop_out(values, settings.dropout, random);
                }
            };
            optimiser.scale_rate(rates.as_ref().map_or(1.0, |rates| rates.factor(optimiser.steps())));
            classifier.learn(values, &labels, &mut dropped, &mut optimiser)?;
        }
        if let Some(rows) = &validation {
            let validation = classifier.test(rows)?.ok_or_else(|| diverged(settings))?.accuracy;
            if best.as_ref().is_none_or(|(best, _)| validation > best.validation) {
                best = Some((Chosen { epoch: epoch + 1, validation }, classifier.weights()?));
            }
        }
    }
    if let Some((_, weights)) = &best {
        classifier.put_back(weights)?;
    }
    Ok(Learned { classifier, scaled_test, chosen: best.map(|(chosen, _)| chosen) })
}

/// Sets each value to 0 with `probability` and divides the others by 1 − `probability`.
fn drop_out(values: &mut [f32], probability: f32, random: &mut Random) {
    let scale = 1.0 / (1.0 - probability);
    let mut words = [0u32; 1024];
    for values in values.chunks_mut(words.len()) {
        let words = &mut words[..values.len()];
        random.fill(words);
        for (value, word) in values.iter_mut().zip(words) {
            let drawn = (*word >> 8) as f32 * (1.0 / 16_777_216.0);
            *value *= if drawn < probability { 0.0 } else { scale };
        }
    }
}

#[cfg(test)]
mod tests;
