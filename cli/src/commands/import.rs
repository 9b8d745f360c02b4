//! `plasticity import FILE --into CONFIG --out RUN`: makes a run from weights that another program trained.

use crate::exit::Exit;
use crate::import::{Imported, import, parse_pair};
use crate::options::Overrides;
use crate::output;
use crate::threads::start_threads;
use output::quoted;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::checkpoint::Checkpoint;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::provenance::Provenance;
use plasticity_lab::run::{Run, vacant};
use std::path::PathBuf;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A safetensors file of weights; the names of its tensors are those of this program, those of the paper's
    /// authors, or given by --map
    file: PathBuf,
    /// The config of the network for these weights (a TOML file)
    #[arg(long, value_name = "CONFIG")]
    into: PathBuf,
    /// The folder of the new run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The name of a tensor in the file and of its parameter here, such as conv1.weight=layer.0.weight; THEIRS= leaves
    /// the tensor out; may be repeated
    #[arg(long, value_name = "THEIRS=OURS", value_parser = parse_pair)]
    map: Vec<(String, String)>,
    #[command(flatten)]
    overrides: Overrides,
}

/// Makes a run whose only checkpoint, of step 0, has the weights.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let folder = &arguments.out;
    vacant(folder)?;
    let config = Config::load(&arguments.into, &arguments.overrides.set)?;
    start_threads(&config)?;
    let device = Device::open()?;
    let experiment = Experiment::open(config)?;
    let mut network = experiment.network(&device)?;
    let rule = experiment.config().rule.typetag_name();
    let imported = import(&mut network, rule, &arguments.file, &arguments.map)?;
    let state = network.state()?;
    if let Some(name) = state.not_finite() {
        let message = format!("has a value for `{name}` that is not finite: give a file with finite weights");
        return Err(Error::file(&arguments.file, message));
    }
    let config = experiment.config();
    let first = Checkpoint {
        state,
        step: 0,
        seed: config.seed,
        fingerprint: config.fingerprint()?,
        config: Some(config.learning_keys()?.to_string()),
        provenance: Some(Provenance::here(&device, experiment.data_fingerprint())),
    };
    Run::create_with(folder, config, &first)?;
    let Imported { taken, left_out, fresh } = imported;
    output::note(&format!("{} tensors taken", taken.len()));
    if !fresh.is_empty() {
        output::note(&format!(
            "not taken from the file, and so as the seed draws them: {}",
            fresh.join(", ")
        ));
    }
    if !left_out.is_empty() {
        output::note(&format!("left out, since they belong to another rule: {}", left_out.join(", ")));
    }
    output::print(&format!("{} probe {}", output::program(), quoted(folder)))?;
    Ok(Exit::Success)
}
