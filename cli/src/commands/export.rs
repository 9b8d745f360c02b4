//! `plasticity export RUN --out FILE`: writes a trained encoder as a file that other programs can run, or to pass on.

use super::features::{vacant, write_new};
use crate::exit::Exit;
use crate::loaded::Loaded;
use crate::onnx;
use crate::options::Overrides;
use crate::output;
use clap::ValueEnum;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of a run; its last checkpoint is used
    run: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Onnx)]
    format: Format,
    /// Only the first N layers [default: all]
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// The file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A graph from the network's input to the map of every layer, with weights
    Onnx,
    /// A smaller checkpoint to share, without the optimiser's running averages; put it into checkpoints/
    /// of a copy of the run
    Checkpoint,
}

/// Writes the file.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    vacant("--out", &arguments.out)?;
    let device = Device::open()?;
    let loaded = Loaded::open(&arguments.run, &arguments.overrides.set, &device)?;
    let all = loaded.trained.layer_names().len();
    let layers = arguments.layers.unwrap_or(all);
    if !(1..=all).contains(&layers) {
        let message = format!("there are not {layers} layers: give a number from 1 to {all}");
        return Err(Error::config("--layers", message));
    }
    match arguments.format {
        Format::Onnx => {
            let bytes = onnx::model(&loaded, layers)?;
            let refused = |error| Error::file(&arguments.out, format!("cannot be written: {error}"));
            write_new(&arguments.out, |file| file.write_all(&bytes).map_err(refused))?;
        }
        Format::Checkpoint if layers < all => {
            return Err(Error::config("--layers", "is for --format onnx: a checkpoint has all layers"));
        }
        Format::Checkpoint => loaded.stored.checkpoint.without_averages().save(&arguments.out)?,
    }
    output::print(&arguments.out.display().to_string())?;
    Ok(Exit::Success)
}
