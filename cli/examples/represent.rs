//! A trained run as a library sees it: restores its last checkpoint and shows what every layer makes of a batch.
//!
//! `cargo run --release --example represent -- FOLDER`

use plasticity as _;
use plasticity_core::device::Device;
use plasticity_core::representation::Pooling;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::run;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: represent FOLDER")?);
    let config = run::config(&folder, &[])?;
    let stored = run::last_checkpoint(&folder)?.ok_or("the run has no checkpoint yet")?;
    stored.check(&config)?;
    let experiment = Experiment::open(config)?;
    let device = Device::open()?;
    let mut network = experiment.network(&device)?;
    network.restore(&stored.checkpoint.state)?;
    let batch = experiment.loader(0..1)?.next().ok_or("there are no stimuli")??.to_device(&device)?;
    for (layer, seen) in (1..).zip(network.represent(&batch.input, Pooling::Mean)?) {
        let shape = seen.shape();
        let values = seen.data().to_vec()?;
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        println!("layer {layer}: {shape:?}, mean activity {mean:.3}");
    }
    Ok(())
}
