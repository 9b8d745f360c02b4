//! The stimuli of a probe, batch by batch.

use crate::config::Config;
use crate::loader::{HostBatch, Loader, Pass};
use plasticity_core::Result;
use plasticity_core::stimulus::Stimulus;
use std::sync::Arc;

/// Batches below this number of values are made larger than in learning, because many small batches
/// would take more time.
const VALUES: usize = 1 << 17;
/// The largest number of stimuli of such a batch.
const STIMULI: usize = 32;

/// All batches of a stimulus, once, augmented according to `pass`, if there is one. For each batch,
/// `progress` is called with `what` and the share that is done.
pub(super) fn batches<'a>(
    config: &Config,
    stimulus: &Arc<dyn Stimulus>,
    pass: Option<u64>,
    what: &'a str,
    progress: &'a mut dyn FnMut(&str, f64),
) -> Result<impl Iterator<Item = Result<HostBatch>> + use<'a>> {
    let training = &config.training;
    let pass = pass.map_or(Pass::Evaluate, |pass| Pass::EvaluateAugmented { seed: config.seed, pass });
    // In evaluation, a stimulus does not depend on the others in its batch.
    let least = (VALUES / stimulus.shape(1).len().max(1)).min(STIMULI);
    let loader = Loader::new(Arc::clone(stimulus), pass, training.batch.max(least), training.threads)
        .map_err(|error| config.locate(error))?;
    let of = loader.steps_per_epoch() as f64;
    Ok(loader.enumerate().map(move |(done, batch)| {
        progress(what, done as f64 / of);
        batch
    }))
}
