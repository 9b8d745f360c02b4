//! The stimuli of a probe, batch by batch.

use crate::config::Config;
use crate::loader::{HostBatch, Loader, Pass};
use plasticity_core::Result;
use plasticity_core::stimulus::Stimulus;
use std::sync::Arc;

/// Values of a batch up to which it is made larger than in learning, where many small ones would cost more.
const VALUES: usize = 1 << 17;
/// Stimuli of such a batch.
const STIMULI: usize = 32;

/// All batches of a stimulus, once, augmented as the `pass` says, if there is one. With each, `progress` hears `what` is being done and which share of it is.
pub(super) fn batches<'a>(
    config: &Config,
    stimulus: &Arc<dyn Stimulus>,
    pass: Option<u64>,
    what: &'a str,
    progress: &'a mut dyn FnMut(&str, f64),
) -> Result<impl Iterator<Item = Result<HostBatch>> + use<'a>> {
    let training = &config.training;
    let pass = pass.map_or(Pass::Evaluate, |pass| Pass::EvaluateAugmented { seed: config.seed, pass });
    // In evaluation a stimulus does not know which others are with it.
    let least = (VALUES / stimulus.shape(1).len().max(1)).min(STIMULI);
    let loader = Loader::new(Arc::clone(stimulus), pass, training.batch.max(least), training.threads)
        .map_err(|error| config.locate(error))?;
    let of = loader.steps_per_epoch() as f64;
    Ok(loader.enumerate().map(move |(done, batch)| {
        progress(what, done as f64 / of);
        batch
    }))
}
