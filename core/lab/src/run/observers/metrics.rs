//! Every module's loss, to `metrics.jsonl`.

use crate::run::train::recorded;
use crate::run::{Record, Run};
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use std::cell::RefCell;

/// Records the losses of every `log_every`-th step, and of the last one.
pub struct Metrics<'a> {
    run: &'a RefCell<&'a mut Run>,
    log_every: u64,
    total: u64,
}

impl<'a> Metrics<'a> {
    pub fn new(run: &'a RefCell<&'a mut Run>, log_every: u64) -> Self {
        Self { run, log_every, total: 0 }
    }
}

impl Observer<Trainer> for Metrics<'_> {
    fn wants_losses(&self, step: u64) -> bool {
        recorded(step, self.log_every, self.total)
    }

    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.total = moment.total;
        Ok(())
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        match recorded(moment.step, self.log_every, moment.total) {
            true => self.run.borrow_mut().record(&Record::of(moment)),
            false => Ok(()),
        }
    }
}
