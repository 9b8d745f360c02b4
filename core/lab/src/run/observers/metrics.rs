//! Writes every module's loss, the results of probes during training, and the steps of modules that skip batches, to
//! `metrics.jsonl`.

use super::watch::Watch;
use crate::run::train::recorded;
use crate::run::{Record, Run};
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use std::cell::RefCell;

/// Records the losses of every `log_every`-th step, of the last step, and of steps after which
/// layers are probed, with the measures of these steps.
pub struct Metrics<'a> {
    run: &'a RefCell<&'a mut Run>,
    log_every: u64,
    probes_every: Option<u64>,
    total: u64,
    watch: Watch<'a>,
}

impl<'a> Metrics<'a> {
    pub fn new(
        run: &'a RefCell<&'a mut Run>,
        log_every: u64,
        probes_every: Option<u64>,
        watch: Watch<'a>,
    ) -> Self {
        Self { run, log_every, probes_every, total: 0, watch }
    }

    fn probed(&self, step: u64) -> bool {
        self.probes_every.is_some_and(|every| recorded(step, every, self.total))
    }
}

impl Observer<Trainer> for Metrics<'_> {
    fn wants_losses(&self, step: u64) -> bool {
        recorded(step, self.log_every, self.total) || self.probed(step)
    }

    /// After each recorded step, if patience may end training.
    fn looks(&self, step: u64) -> bool {
        self.watch.is_patient() && self.wants_losses(step)
    }

    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.total = moment.total;
        self.watch.begin(moment)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if !self.wants_losses(moment.step) {
            return Ok(());
        }
        let mut record = Record::of(moment);
        if self.probed(moment.step) {
            let finite = moment
                .measures()
                .iter()
                .filter(|measure| measure.value.is_finite())
                .cloned()
                .collect::<Vec<_>>();
            record.measures = finite.into_iter().map(|measure| (measure.name, measure.value)).collect();
        }
        let learned = moment.network().learned().into_iter().flatten();
        let counts =
            (1..).zip(learned).map(|(module, steps)| (format!("steps/module_{module}"), steps as f64));
        record.measures.extend(counts);
        self.run.borrow_mut().record(&record)?;
        self.watch.hear(&record, moment)
    }
}
