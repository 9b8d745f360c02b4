//! The error if training makes values that are not finite, with the remedy.

use super::folder::checkpoints;
use crate::experiment::Experiment;
use crate::files::quoted;
use plasticity_core::plasticity::Each;
use plasticity_core::{Error, Result};
use std::path::Path;

/// Adds to a divergence the rule, the layers of the module if known, the run's last good checkpoint, and how to start
/// from it. Other errors are not changed.
pub(super) fn explained(error: Error, experiment: &Experiment, folder: &Path) -> Error {
    let Error::Diverged { place, message } = error else { return error };
    let rule = experiment.config().rule.typetag_name();
    let rate = match experiment.config().training.optimiser {
        Each::Same(_) => "training.optimiser.rate=RATE",
        // The rate of a list is no single key.
        Each::Each(_) => "'training.module_rates=[FACTOR, …]'",
    };
    let layers = layers_of(&place, experiment).unwrap_or_default();
    let message = match checkpoints(folder).map(|mut found| found.pop()) {
        Ok(Some((step, path))) if step > 0 => format!(
            "{message}, or start a new run from the last good checkpoint, {}: --out NEW --set training.init={} \
             --set {rate}",
            path.display(),
            quoted(&path)
        ),
        _ => message,
    };
    Error::Diverged { place: format!("{place}{layers}, rule `{rule}`"), message }
}

/// The layers of module 2 for `step 5, module 2`, counted from 1.
fn layers_of(place: &str, experiment: &Experiment) -> Option<String> {
    let module: usize = place.rsplit_once("module ")?.1.parse().ok()?;
    let modules: Result<Vec<_>> = experiment.config().modules();
    let layers = modules.ok()?.get(module.checked_sub(1)?)?.clone();
    Some(match layers.len() {
        1 => format!(" (layer {})", layers.end),
        _ => format!(" (layers {} to {})", layers.start + 1, layers.end),
    })
}
