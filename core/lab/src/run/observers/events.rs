//! Losses, the learning rate and what was measured, to TensorBoard's event files.

use crate::run::Run;
use crate::run::train::recorded;
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use std::cell::RefCell;

/// Writes the losses that are recorded as scalars `loss/module_M`, with modules counted from 1, beside them the `rate` of the
/// step, without the factors of modules and layers; and what observers before it have measured, by its name.
pub struct Events<'a> {
    run: &'a RefCell<&'a mut Run>,
    log_every: u64,
    rate: f32,
}

impl<'a> Events<'a> {
    pub fn new(run: &'a RefCell<&'a mut Run>, log_every: u64, rate: f32) -> Self {
        Self { run, log_every, rate }
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
            let factor = moment.network().rate_factor(moment.step.saturating_sub(1));
            run.scalar("rate", moment.step, (f64::from(self.rate) * factor) as f32)?;
        }
        let measures = moment.measures();
        measures.iter().try_for_each(|measure| run.scalar(&measure.name, moment.step, measure.value as f32))
    }
}
