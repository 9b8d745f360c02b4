//! `plasticity features RUN --out FILE`: the features of every layer for labelled stimuli, for other programs.

mod gather;
mod npy;
mod pack;
mod safetensors;

pub use pack::write_new;

use crate::exit::Exit;
use crate::loaded::Loaded;
use crate::options::Overrides;
use crate::output;
use clap::ValueEnum;
use plasticity_core::device::Device;
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Arguments of `features`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of a run; its last checkpoint is used
    run: PathBuf,
    /// The stimuli: those that test the probe, or those that train it
    #[arg(long, value_enum, default_value_t = Stimuli::Test)]
    split: Stimuli,
    /// One layer, counted from 1, or all
    #[arg(long, value_name = "N|all", default_value = "all")]
    layer: String,
    /// Write whole maps instead of features pooled as for the probe; with all layers, also the network's input
    #[arg(long)]
    whole: bool,
    /// The file: .npz and .safetensors hold all layers; .npy holds one layer, with labels and names in FILE.json
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stimuli {
    Test,
    Train,
}

/// The format of a file, from its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Safetensors,
}

/// Gathers features into unnamed temporary files, then packs them into one file.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let out = &arguments.out;
    let format = format(out)?;
    vacant("--out", out)?;
    if format == Format::Npy {
        vacant("--out", &pack::beside(out))?;
    }
    let device = Device::open()?;
    let loaded = Loaded::open(&arguments.run, &arguments.overrides.set, &device)?;
    let layers = layers("--layer", &arguments.layer, loaded.trained.layer_names().len())?;
    let input = (arguments.whole && arguments.layer == "all").then_some(0);
    let layers: Vec<usize> = input.into_iter().chain(layers.into_iter().map(|layer| layer + 1)).collect();
    if format == Format::Npy && layers.len() > 1 {
        let message =
            "a .npy file holds one layer: choose it with --layer N, or write a .npz or .safetensors file";
        return Err(Error::file(out, message));
    }
    let split = match arguments.split {
        Stimuli::Test => Split::ProbeTest,
        Stimuli::Train => Split::ProbeTrain,
    };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let gathered = gather::gather(loaded, split, &layers, arguments.whole, folder, &device)?;
    match format {
        Format::Npy => pack::npy(out, gathered)?,
        Format::Npz => pack::npz(out, gathered)?,
        Format::Safetensors => safetensors::write(out, gathered)?,
    }
    output::print(&out.display().to_string())?;
    Ok(Exit::Success)
}

fn format(path: &Path) -> Result<Format> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => Ok(Format::Npy),
        Some("npz") => Ok(Format::Npz),
        Some("safetensors") => Ok(Format::Safetensors),
        _ => Err(Error::file(
            path,
            "has no known file type: use a name that ends in .npy, .npz or .safetensors",
        )),
    }
}

/// Refuses a path that already exists; `option` names it.
pub fn vacant(option: &str, path: &Path) -> Result<()> {
    match path.exists() {
        true => Err(Error::file(path, format!("already exists: choose another {option}, or move it away"))),
        false => Ok(()),
    }
}

/// The layers that an option names, counted from 0.
pub fn layers(option: &str, named: &str, count: usize) -> Result<Vec<usize>> {
    if named == "all" {
        return Ok((0..count).collect());
    }
    match named.parse::<usize>() {
        Ok(layer) if (1..=count).contains(&layer) => Ok(vec![layer - 1]),
        _ => {
            let message = format!("there is no layer {named}: give a number from 1 to {count}, or all");
            Err(Error::config(option, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_formats_are_those_there_are() {
        assert_eq!(layers("--layer", "all", 3).unwrap(), [0, 1, 2]);
        assert_eq!(layers("--layer", "3", 3).unwrap(), [2]);
        for wrong in ["0", "4", "top"] {
            assert!(layers("--layer", wrong, 3).unwrap_err().to_string().contains("from 1 to 3"), "{wrong}");
        }
        assert_eq!(format(Path::new("a/b.npz")).unwrap(), Format::Npz);
        assert!(format(Path::new("b.csv")).unwrap_err().to_string().contains(".safetensors"));
    }
}
