//! A new run that starts from another's weights: `training.init`.

use super::{Stored, is_run, last_checkpoint};
use crate::experiment::Experiment;
use crate::network::Network;
use crate::training::start_from;
use plasticity_core::{Error, Result};

/// Gives the new network of an experiment the weights that the config's `training.init` names, if any.
///
/// # Errors
/// If there is no checkpoint, or it does not fit the network.
pub fn start_from_init(experiment: &Experiment, network: &mut Network) -> Result<()> {
    let config = experiment.config();
    let Some(init) = &config.training.init else { return Ok(()) };
    let refuse = |message: String| Error::config(config.place("training.init"), message);
    let stored = if is_run(init) {
        let last = last_checkpoint(init)?;
        last.ok_or_else(|| refuse(format!("the run in {} has no checkpoint yet", init.display())))?
    } else if init.is_file() {
        Stored::load(init)?
    } else {
        return Err(refuse(format!("{} is neither a run nor a checkpoint", init.display())));
    };
    let located = |error| match error {
        Error::Shape { message, .. } => refuse(format!("{}: {message}", stored.path.display())),
        other => config.locate(other),
    };
    start_from(network, &stored.checkpoint.state, config.training.init_layers.as_deref()).map_err(located)
}
