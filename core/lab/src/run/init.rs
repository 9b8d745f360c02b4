//! A new run that starts from another's weights: `training.init`.

use super::{CONFIG, Stored, is_run, last_checkpoint};
use crate::config::Config;
use crate::experiment::Experiment;
use crate::network::Network;
use crate::training::start_from;
use plasticity_core::{Error, Result};
use std::path::Path;
use toml::{Table, Value};

/// Gives the new network of an experiment the weights that the config's `training.init` names, if any. The rule's own
/// weights are used only if the checkpoint does not have those of another rule.
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
    let mut state = stored.checkpoint.state.clone();
    if stored.checkpoint.rule().is_some_and(|rule| rule != config.rule.typetag_name()) {
        state.tensors.retain(|name, _| !name.starts_with("module."));
    }
    start_from(network, &state, config.training.init_layers.as_deref()).map_err(located)
}

/// Refuses to resume the run in `folder` with another `training.init` or `training.init_layers`: its first weights stay
/// what they were.
///
/// # Errors
/// If a key differs; the error names it and both values.
pub(super) fn unchanged(folder: &Path, config: &Config) -> Result<()> {
    let read = |text: &str| text.parse::<Table>().ok()?.remove("training");
    let written = std::fs::read_to_string(folder.join(CONFIG)).ok().and_then(|text| read(&text));
    // A config that cannot be read says nothing about the first weights.
    let (Some(theirs), Some(ours)) = (written, read(&config.to_toml()?)) else { return Ok(()) };
    for key in ["init", "init_layers"] {
        let text = |of: &Value| of.get(key).map_or("not set".to_owned(), Value::to_string);
        let (before, now) = (text(&theirs), text(&ours));
        if before != now {
            let message = format!(
                "was {before} and is {now} here, but a run keeps the weights that it started from: undo the change, or \
                 start a new run"
            );
            return Err(Error::config(config.place(&format!("training.{key}")), message));
        }
    }
    Ok(())
}
