//! Every module's loss, to TensorBoard's event files.

use crate::run::Run;
use crate::run::train::recorded;
use crate::training::Trainer;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use std::cell::RefCell;

/// Writes the losses that are recorded as scalars `loss/module_M`, with modules counted from 1.
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
    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if !recorded(moment.step, self.log_every, moment.total) {
            return Ok(());
        }
        let mut run = self.run.borrow_mut();
        for (module, &loss) in moment.losses.iter().enumerate() {
            run.scalar(&format!("loss/module_{}", module + 1), moment.step, loss)?;
        }
        Ok(())
    }
}
