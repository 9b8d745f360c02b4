//! `plasticity demo`: trains CLAPP-s, or another rule, on built-in scenes, and probes it and the untrained network.

use super::probe;
use super::train::{self, Learned};
use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use crate::progress::clock;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::config::{Config, Document};
use plasticity_lab::run::Run;
use std::path::PathBuf;
use std::time::Instant;

/// The config of the demonstration.
const CONFIG: &str = include_str!("demo.toml");

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the run [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// Trains and probes.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let started = Instant::now();
    let config =
        Config::from_document(Document::parse(CONFIG, "demo.toml")?.overridden(&arguments.overrides.set)?)?;
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("plasticity-demo-{}", std::process::id())));
    let how = match config.rule.typetag_name() {
        "clapp_s" => "CLAPP-s, layer by layer: no layer receives a signal from a layer above it".to_owned(),
        other => format!("rule `{other}`"),
    };
    output::note(&format!("scenes with objects of eight kinds; {how}"));
    let device = Device::open()?;
    let (experiment, network) = train::prepare(config, &device, 1)?;
    let mut run = Run::create(&folder, experiment.config())?;
    let mut trainer = match train::learn(&experiment, network, &mut run)? {
        Learned::All(trainer) => trainer,
        Learned::Stopped(exit) => return Ok(exit),
    };
    output::note("training a linear probe on every layer");
    let step = trainer.steps();
    let report = probe::report(&experiment, trainer.network_mut(), step, &device)?;
    probe::write(&report, &folder)?;
    output::print(&probe::table(&report))?;
    output::note(&format!(
        "{step} steps, {} in total; the run is in {}",
        clock(started.elapsed().as_secs_f64()),
        folder.display()
    ));
    Ok(Exit::Success)
}
