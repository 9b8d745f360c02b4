//! Saves checkpoints, as often as the config says and at the end, and at the start with `training.init`.

use crate::checkpoint::Checkpoint;
use crate::config::{BestBy, Every};
use crate::experiment::Experiment;
use crate::network::Owner;
use crate::probe::{self, LayerProbe};
use crate::run::Run;
use crate::training::Trainer;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::{Error, Result};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// Saves the trained network.
pub struct Checkpoints<'a> {
    run: &'a RefCell<&'a mut Run>,
    schedule: Schedule,
    /// A checkpoint without its state and step.
    model: Checkpoint,
    /// The step of the last checkpoint.
    saved: Option<u64>,
    resumed: bool,
    experiment: &'a Experiment,
    /// The criterion for the best checkpoints, if the best are kept.
    best_by: Option<BestBy>,
    /// The sum of the mean losses since the last checkpoint, and the number of steps.
    losses: (f64, u64),
}

impl<'a> Checkpoints<'a> {
    pub fn new(
        run: &'a RefCell<&'a mut Run>,
        experiment: &'a Experiment,
        per_epoch: u64,
        model: Checkpoint,
        resumed: bool,
    ) -> Self {
        let training = &experiment.config().training;
        let schedule = Schedule::new(training.checkpoint_every, per_epoch, Instant::now());
        let best_by = (training.keep_best > 0).then_some(training.best_by);
        Self { run, schedule, model, saved: None, resumed, experiment, best_by, losses: (0.0, 0) }
    }

    /// The score of the network that will be saved.
    fn score(&mut self, moment: &Moment<Trainer>) -> Result<Option<f64>> {
        let (sum, steps) = std::mem::take(&mut self.losses);
        match self.best_by {
            Some(BestBy::Loss) if steps > 0 => Ok(Some(-sum / steps as f64)),
            Some(BestBy::Probe) => {
                let mut trainer = moment.network();
                let device = trainer.network().device().clone();
                let probed = probe::probe(self.experiment, trainer.network_mut(), &device, &mut |_, _| {})?;
                Ok(Some(mean_accuracy(&probed)))
            }
            _ => Ok(None),
        }
    }

    /// Saves the network, also if it cannot be scored.
    fn save(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        let (state, step) = (moment.network().network_mut().state()?, moment.step);
        if let Some(name) = state.not_finite() {
            return Err(Error::diverged(
                format!("step {step}, {}", owner(name)),
                format!("`{name}` is not finite"),
            ));
        }
        let score = self.score(moment);
        let mut run = self.run.borrow_mut();
        if let Ok(Some(score)) = score {
            run.score(step, score)?;
        }
        run.save(&Checkpoint { state, step, ..self.model.clone() })?;
        self.schedule.saved(Instant::now());
        self.saved = Some(step);
        score.map(drop)
    }
}

/// The mean accuracy over probes and layers, without the stimuli themselves and all layers together.
fn mean_accuracy(probed: &[LayerProbe]) -> f64 {
    let layers = probed.iter().filter(|layer| layer.name.parse::<usize>().is_ok());
    let accuracies: Vec<f64> =
        layers.flat_map(|layer| layer.scores.iter().map(|score| score.accuracy)).collect();
    accuracies.iter().sum::<f64>() / accuracies.len().max(1) as f64
}

/// The owner of a parameter, in words: `layer.3.weight` belongs to layer 4, `module.1.predict` to module 2.
fn owner(name: &str) -> String {
    // Averages are `optimiser.M.FULL NAME.0` and `.1`.
    let averaged = || name.strip_prefix("optimiser.")?.split('.').next()?.parse().ok().map(Owner::Module);
    match Owner::of(name).map(|(owner, _)| owner).or_else(averaged) {
        Some(Owner::Layer(index)) => format!("layer {}", index + 1),
        Some(Owner::Module(index)) => format!("module {}", index + 1),
        None => name.to_owned(),
    }
}

impl Observer<Trainer> for Checkpoints<'_> {
    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.saved = self.resumed.then_some(moment.step);
        // The weights of another run may change or be lost later.
        if self.resumed || moment.step == moment.total || self.experiment.config().training.init.is_none() {
            return Ok(());
        }
        let state = moment.network().network_mut().state()?;
        self.saved = Some(moment.step);
        self.run.borrow_mut().save(&Checkpoint { state, step: moment.step, ..self.model.clone() })
    }

    fn looks(&self, step: u64) -> bool {
        self.schedule.due(step, Instant::now())
    }

    fn wants_losses(&self, _: u64) -> bool {
        self.best_by == Some(BestBy::Loss)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if !moment.losses.is_empty() {
            let sum: f64 = moment.losses.iter().copied().map(f64::from).sum();
            self.losses = (self.losses.0 + sum / moment.losses.len() as f64, self.losses.1 + 1);
        }
        // A time may pass in the middle of a pipeline's steps; then the last of them saves.
        if moment.current && (self.schedule.due(moment.step, Instant::now()) || moment.step == moment.total) {
            self.save(moment)?;
        }
        Ok(())
    }

    fn end(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if self.saved == Some(moment.step) { Ok(()) } else { self.save(moment) }
    }
}

/// When a checkpoint is due.
enum Schedule {
    Steps(u64),
    Time { every: Duration, since: Instant },
}

impl Schedule {
    fn new(every: Every, per_epoch: u64, now: Instant) -> Self {
        match every {
            Every::Epochs(epochs) => Self::Steps(epochs.saturating_mul(per_epoch).max(1)),
            Every::Steps(steps) => Self::Steps(steps.max(1)),
            Every::Minutes(minutes) => {
                Self::Time { every: Duration::from_secs(minutes.saturating_mul(60)), since: now }
            }
        }
    }

    fn due(&self, step: u64, now: Instant) -> bool {
        match self {
            Self::Steps(steps) => step.is_multiple_of(*steps),
            Self::Time { every, since } => now.saturating_duration_since(*since) >= *every,
        }
    }

    fn saved(&mut self, now: Instant) {
        if let Self::Time { since, .. } = self {
            *since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{FeatureStatistics, ProbeKind, Score};

    #[test]
    fn checkpoints_are_due_after_steps_epochs_or_minutes() {
        let now = Instant::now();
        let due = |every, step| Schedule::new(every, 5, now).due(step, now);
        assert!(due(Every::Epochs(2), 20) && !due(Every::Epochs(2), 15));
        assert!(due(Every::Steps(3), 9) && !due(Every::Steps(3), 10));
        let mut minutes = Schedule::new(Every::Minutes(10), 5, now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(!minutes.due(7, at(599)) && minutes.due(7, at(600)));
        minutes.saved(at(601));
        assert!(!minutes.due(8, at(1200)) && minutes.due(8, at(1201)));
    }

    #[test]
    fn the_score_of_a_checkpoint_is_of_its_layers_alone() {
        let row = |(name, accuracy): (&str, f64)| LayerProbe {
            name: name.to_owned(),
            scores: vec![Score { probe: ProbeKind::Raw, accuracy, untrained: 0.0, top5: None, chosen: None }],
            chance: 10.0,
            majority: 10.0,
            features: FeatureStatistics::default(),
            untrained_features: FeatureStatistics::default(),
        };
        let rows = [("input", 80.0), ("1", 20.0), ("2", 40.0), ("all", 90.0)].map(row);
        assert_eq!(mean_accuracy(&rows), 30.0);
    }

    #[test]
    fn a_tensor_that_is_lost_names_its_layer_or_module() {
        assert_eq!(owner("layer.3.weight"), "layer 4");
        assert_eq!(owner("module.1.predict.2"), "module 2");
        assert_eq!(owner("optimiser.0.layer.0.weight.1"), "module 1");
    }
}
