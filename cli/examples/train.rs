//! The toolkit as a library: trains a config into a run folder and reads every layer out.
//!
//! `cargo run --release --example train -- CONFIG FOLDER [KEY=VALUE]…`

use plasticity as _;
use plasticity_core::device::Device;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::probe::probe;
use plasticity_lab::run::{Run, train};
use std::path::Path;

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
    let mut trainer = train(&experiment, &mut run, &device, &mut |progress| {
        if !progress.loss.is_empty() {
            println!("step {} of {}: loss {:?}", progress.step, progress.total, progress.loss);
        }
    })?;
    println!("trained in {:.0} s", start.elapsed().as_secs_f64());
    for layer in probe(&experiment, trainer.network_mut(), &device, &mut |_, _| {})? {
        for score in &layer.scores {
            let (name, probe) = (&layer.name, score.probe.name());
            println!("{name}, {probe}: {:.1} % (untrained {:.1} %)", score.accuracy, score.untrained);
        }
    }
    Ok(())
}
