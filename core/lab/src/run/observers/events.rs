//! Writes losses, the learning rate and measures to TensorBoard's event files.

use crate::run::Run;
use crate::run::train::recorded;
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use std::cell::RefCell;

/// Writes the recorded losses as scalars `loss/module_M`, with modules counted from 1. It also
/// writes the `rate` of the step without the factors of layers (`rate/module_M` if modules differ),
/// and the measures of earlier observers by their names.
pub struct Events<'a> {
    run: &'a RefCell<&'a mut Run>,
    log_every: u64,
}

impl<'a> Events<'a> {
    pub fn new(run: &'a RefCell<&'a mut Run>, log_every: u64) -> Self {
        Self { run, log_every }
    }
}

impl Observer<Trainer> for Events<'_> {
    fn looks(&self, _: u64) -> bool {
        false
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        let mut run = self.run.borrow_mut();
        if recorded(moment.step, self.log_every, moment.total) {
            for (module, &loss) in moment.losses.iter().enumerate() {
                run.scalar(&format!("loss/module_{}", module + 1), moment.step, loss)?;
            }
            let rates = moment.network().rates(moment.step.saturating_sub(1));
            match rates.first() {
                Some(Some(first)) if rates.iter().all(|rate| *rate == Some(*first)) => {
                    run.scalar("rate", moment.step, *first as f32)?;
                }
                _ => {
                    let each =
                        rates.iter().enumerate().filter_map(|(module, rate)| Some((module + 1, (*rate)?)));
                    for (module, rate) in each {
                        run.scalar(&format!("rate/module_{module}"), moment.step, rate as f32)?;
                    }
                }
            }
        }
        let measures = moment.measures();
        measures.iter().try_for_each(|measure| run.scalar(&measure.name, moment.step, measure.value as f32))
    }
}
