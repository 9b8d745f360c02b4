//! The toolkit as a library: trains a config into a run folder and probes every layer.
//!
//! `cargo run --release --example train -- CONFIG FOLDER [KEY=VALUE]…`

use plasticity as _;
use plasticity_core::device::Device;
use plasticity_core::observer::{Moment, Observer};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::probe::probe;
use plasticity_lab::run::{Run, train};
use plasticity_lab::training::Trainer;
use std::path::Path;

/// Prints the losses that are recorded.
struct Shown;

impl Observer<Trainer> for Shown {
    fn after(&mut self, moment: &Moment<Trainer>) -> plasticity_core::Result<()> {
        if !moment.losses.is_empty() {
            println!("step {} of {}: loss {:?}", moment.step, moment.total, moment.losses);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, folder, overrides @ ..] = arguments.as_slice() else {
        return Err("usage: train CONFIG FOLDER [KEY=VALUE]…".into());
    };
    let config = Config::load(Path::new(config), overrides)?;
    let device = Device::open()?;
    let mut run = Run::create(Path::new(folder), &config)?;
    let experiment = Experiment::open(config)?;
    let start = std::time::Instant::now();
    let network = experiment.network(&device)?;
    let mut trainer = train(&experiment, network, &mut run, &|| false, &mut [&mut Shown])?;
    println!("trained in {:.0} s", start.elapsed().as_secs_f64());
    for layer in probe(&experiment, trainer.network_mut(), &device, &mut |_, _| {})? {
        for score in &layer.scores {
            let (name, probe) = (&layer.name, score.probe.name());
            println!("{name}, {probe}: {:.1} % (untrained {:.1} %)", score.accuracy, score.untrained);
        }
    }
    Ok(())
}
