//! `plasticity report RUN…`: an HTML page that shows what runs have learned.

use super::features::{layers, vacant};
use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use crate::report::{Material, Wanted, page};
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::files::write_atomically;
use plasticity_lab::run;
use std::path::{Path, PathBuf};

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folders of runs; all must have the same number of layers and the same stimuli
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The file of the page, or a folder for it [default for one run: report.html in its folder]
    #[arg(long, value_name = "DIR|FILE.html")]
    out: Option<PathBuf>,
    /// The largest number of test stimuli; if there are more, a subset spread evenly over them is used
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(8..=1_000_000))]
    stimuli: u64,
    /// The largest number of points in a t-SNE map
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(8..=2000))]
    points: u64,
    /// Layers to show in detail, counted from 1 [default: first, middle, last]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    layers: Vec<String>,
    /// Neurons to show in each of these layers
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=256))]
    neurons: u64,
    /// Do not measure how local the rule is
    #[arg(long)]
    no_audit: bool,
    /// Leave out all pictures of stimuli, so that you can share the page if you may not share the stimuli
    #[arg(long)]
    no_pictures: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Makes the page, and writes it with its charts. No existing file is overwritten.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let file = place(arguments)?;
    let charts = beside(&file);
    vacant("--out", &file)?;
    vacant("--out", &charts)?;
    let device = Device::open()?;
    let set = &arguments.overrides.set;
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let wanted = Wanted {
        stimuli: count(arguments.stimuli),
        points: count(arguments.points),
        layers: named(arguments)?,
        neurons: count(arguments.neurons),
        audit: !arguments.no_audit,
        pictures: !arguments.no_pictures,
    };
    let material = Material::gather(&arguments.runs, set, wanted, &device)?;
    let page = page(&material)?;
    let folder = charts.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    make(&charts)?;
    for chart in &page.charts {
        write_atomically(&charts.join(format!("{}.svg", chart.name)), chart.svg.as_bytes())?;
    }
    write_atomically(&file, page.html(&folder).as_bytes())?;
    output::print(&file.display().to_string())?;
    Ok(Exit::Success)
}

/// The layers that the option names, counted from 0.
fn named(arguments: &Arguments) -> Result<Vec<usize>> {
    let Some(first) = arguments.runs.first().filter(|_| !arguments.layers.is_empty()) else {
        return Ok(Vec::new());
    };
    let count = run::config(first, &arguments.overrides.set)?.encoder.layers.len();
    let all =
        arguments.layers.iter().map(|name| layers("--layers", name, count)).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().collect())
}

/// The path of the page.
fn place(arguments: &Arguments) -> Result<PathBuf> {
    match (&arguments.out, &arguments.runs[..]) {
        (Some(out), _) if out.extension().is_some_and(|ending| ending == "html") => Ok(out.clone()),
        (Some(out), _) => Ok(out.join(PAGE)),
        (None, [one]) => Ok(one.join(PAGE)),
        (None, _) => {
            let message = "is missing: with several runs, give the file of the page";
            Err(Error::config("--out", message))
        }
    }
}

const PAGE: &str = "report.html";

/// The folder of a page's charts: `report-charts` for `report.html`.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}-charts"))
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, format!("cannot be made: {error}")))
}
