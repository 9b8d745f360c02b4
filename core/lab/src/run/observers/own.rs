//! The observers that a config names in `[[observers]]`.

use crate::config::Config;
use crate::run::{Measured, Run};
use crate::training::Trainer;
use plasticity_core::observer::{Moment, Observed, Observer, ObserverSpec};
use plasticity_core::{Error, Result};
use std::cell::RefCell;

/// A plugin that observes training. Its measures are saved with the run.
pub struct Own<'a> {
    run: &'a RefCell<&'a mut Run>,
    /// Its place in the config, from 1, and its `type`.
    name: String,
    observer: Box<dyn Observer>,
}

impl<'a> Own<'a> {
    /// All observers of a config.
    ///
    /// # Errors
    /// If an observer refuses a value; the error names the key.
    pub fn all(run: &'a RefCell<&'a mut Run>, config: &Config) -> Result<Vec<Self>> {
        let specs = config.observers.iter().map(Box::as_ref).enumerate();
        let one = |(index, spec): (usize, &dyn ObserverSpec)| {
            let observer = spec.build().map_err(|error| match error {
                Error::Config { place, message } => {
                    config.locate(Error::config(format!("observers.{index}.{place}"), message))
                }
                other => other,
            })?;
            Ok(Self { run, name: format!("{}.{}", index + 1, spec.typetag_name()), observer })
        };
        specs.map(one).collect()
    }

    /// Calls the observer with a moment and saves its measures.
    fn tell(
        &mut self,
        moment: &Moment<Trainer>,
        what: impl FnOnce(&mut dyn Observer, &Moment) -> Result<()>,
    ) -> Result<()> {
        let mut network = moment.network();
        let seen = moment.seen_as(&mut **network as &mut dyn Observed);
        what(self.observer.as_mut(), &seen)?;
        if let Some(why) = seen.stopped() {
            moment.stop(why);
        }
        let mut run = self.run.borrow_mut();
        for measure in seen.into_measures() {
            let value = Some(measure.value).filter(|value| value.is_finite());
            let (observer, name) = (self.name.clone(), measure.name);
            run.scalar(&format!("{observer}/{name}"), moment.step, measure.value as f32)?;
            run.measured(&Measured { step: moment.step, observer, name, value })?;
        }
        Ok(())
    }
}

impl Observer<Trainer> for Own<'_> {
    fn wants_losses(&self, step: u64) -> bool {
        self.observer.wants_losses(step)
    }

    fn looks(&self, step: u64) -> bool {
        self.observer.looks(step)
    }

    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.tell(moment, |observer, moment| observer.begin(moment))
    }

    fn before(&mut self, step: u64) -> Result<()> {
        self.observer.before(step)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.tell(moment, |observer, moment| observer.after(moment))
    }

    fn end(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.tell(moment, |observer, moment| observer.end(moment))
    }
}
