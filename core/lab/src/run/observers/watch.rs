//! Uses the records to end training after a time without improvement, and to warn about losses that
//! stay at their trivial value.

use super::patience::Waiting;
use super::standing::{Standing, trivial_losses};
use crate::experiment::Experiment;
use crate::run::{Record, Run, Warning};
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::Moment;
use std::cell::RefCell;

/// Processes every record, first the earlier records of the run.
pub struct Watch<'a> {
    run: &'a RefCell<&'a mut Run>,
    experiment: &'a Experiment,
    waiting: Option<Waiting>,
    standing: Standing,
}

impl<'a> Watch<'a> {
    pub fn new(run: &'a RefCell<&'a mut Run>, experiment: &'a Experiment) -> Self {
        let waiting = experiment.config().training.patience.map(Waiting::new);
        Self { run, experiment, waiting, standing: Standing::new(Vec::new()) }
    }

    /// Whether it may end training.
    pub fn is_patient(&self) -> bool {
        self.waiting.is_some()
    }

    /// Processes a record; may end training.
    ///
    /// # Errors
    /// If a warning cannot be saved.
    pub fn hear(&mut self, record: &Record, moment: &Moment<Trainer>) -> Result<()> {
        let rates = moment.network().rates(record.step.saturating_sub(1));
        for (module, value) in self.standing.hear(record, &rates) {
            let message = format!(
                "module {}: its loss has long been {value:.3}, its value if all stimuli look the same; if it \
                 stays there, a higher rate or other initial weights may help",
                module + 1
            );
            let what = format!("loss/module_{}", module + 1);
            self.run.borrow_mut().warn(&Warning { step: record.step, what, message })?;
        }
        if let Some(why) = self.waiting.as_mut().and_then(|waiting| waiting.hear(record)) {
            moment.stop(why);
        }
        Ok(())
    }

    /// Gets the records of a run when it starts or resumes.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if moment.step < moment.total {
            let device = moment.network().network().device().clone();
            // A rule that cannot work without activity has no trivial loss.
            self.standing = Standing::new(trivial_losses(self.experiment, &device).unwrap_or_default());
        }
        let records = self.run.borrow_mut().history()?;
        records.iter().try_for_each(|record| self.hear(record, moment))
    }
}
