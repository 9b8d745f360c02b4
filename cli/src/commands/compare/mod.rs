//! `plasticity compare CONFIG --sweep KEY=A,B,C --seeds N`: a run for every cell, and one table.

mod cells;
mod cells_of_ranks;
mod run_cell;
mod slurm;
mod summary;
mod time_left;

use super::features::{vacant, write_new};
use super::probe::{self, Report};
use super::train;
use crate::exit::Exit;
use crate::options::Overrides;
use crate::{output, ranks};
use cells::{Cell, Sweep, cells};
use cells_of_ranks::Outcome;
use output::quoted;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Document};
use plasticity_lab::files::write_atomically;
use plasticity_lab::ranks::Collective;
use run_cell::{check, seen};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time_left::TimeLeft;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configs (TOML files); if there are several, the runs of each are in a folder with its name
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Values of a key: names, numbers, lists or inline tables such as {type="lpl",predictive=2.0};
    /// repeat the option to run every combination
    #[arg(long, value_name = "KEY=A,B,C", value_parser = cells::parse_sweep)]
    sweep: Vec<Sweep>,
    /// Number of seeds for every combination
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The first seed [default: seed of the first config]
    #[arg(long)]
    first_seed: Option<u64>,
    /// The folder for all runs [default: runs/compare-NAME, with the name of the first config]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Train nothing; print one command for each cell, for a scheduler
    #[arg(long)]
    list: bool,
    /// With --list: print a SLURM script, a job array with one task for each cell
    #[arg(long, requires = "list")]
    slurm: bool,
    /// Train nothing; print the table of the cells that are finished
    #[arg(long, conflicts_with = "list")]
    finished: bool,
    /// Format of the printed table; with several cells, the folder also gets Markdown, JSON and CSV
    #[arg(long, value_enum, default_value_t = summary::Format::Markdown)]
    format: summary::Format,
    /// Draw probe accuracy by layer, with a line for each config or swept value, its spread over seeds, the
    /// untrained network and chance
    #[arg(long, value_name = "FILE.svg", conflicts_with = "list")]
    plot: Option<PathBuf>,
}

/// Runs or resumes every cell and prints the table. With several cells it also writes `compare.md`, `compare.csv` and
/// `compare.json`; the commands of `--list` have one cell each and share a folder. A cell that diverges is left out of
/// the table and named at the end. With `--finished` no cell runs, and the table has the finished cells. If `mpirun`
/// has started several processes, each takes the next cell when it is free.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let first = arguments.configs.first().map_or(Path::new(""), PathBuf::as_path);
    let first_seed = match arguments.first_seed {
        Some(seed) => seed,
        None => seed(first, &arguments.overrides.set)?,
    };
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(format!("compare-{stem}")));
    let last_seed = first_seed.checked_add(arguments.seeds).ok_or_else(|| {
        Error::config(
            "--first-seed",
            format!("there are fewer than {} seeds from {first_seed} on", arguments.seeds),
        )
    })?;
    let seeds = first_seed..last_seed;
    let cells = cells(&arguments.configs, &arguments.sweep, seeds)
        .map_err(|error| Error::config("compare", error))?;
    if arguments.list {
        for cell in &cells {
            config(arguments, cell).map_err(|error| in_cell(cell, error))?;
        }
        let commands: Vec<String> = cells.iter().map(|cell| command(arguments, cell, &out)).collect();
        let text = if arguments.slurm { slurm::script(&stem, &commands) } else { commands.join("\n") };
        output::print(&text)?;
        return Ok(Exit::Success);
    }
    if arguments.finished {
        return tell(arguments, &cells, &out, finished(arguments, &cells, &out)?, None);
    }
    let ranks = ranks::join(Duration::MAX)?;
    let checked = checked(arguments, &cells, &out, ranks.as_ref());
    let mut left = ranks::agree(ranks.as_ref(), checked)?;
    ranks::together(&ranks, || {
        let (outcome, exit, error) = cells_of_ranks::run(arguments, &cells, &out, ranks.as_ref(), &mut left)?;
        match (exit, ranks.rank()) {
            (Some(exit), _) => Ok(exit),
            (None, 0) => tell(arguments, &cells, &out, outcome, error),
            (None, _) => Ok(Exit::Success),
        }
    })
}

/// Rank 0 checks all cells before the first one is trained. Returns the steps that the cells still need.
fn checked(arguments: &Arguments, cells: &[Cell], out: &Path, ranks: &dyn Collective) -> Result<TimeLeft> {
    let (device, mut left) = (Device::open()?, TimeLeft::shared_by(ranks.size()));
    if ranks.rank() > 0 {
        return Ok(left);
    }
    arguments.plot.iter().try_for_each(|path| vacant("--plot", path))?;
    for cell in cells {
        let steps = check(config(arguments, cell)?, &cell.folder(out), &device);
        left.expect(steps.map_err(|error| in_cell(cell, error))?);
    }
    Ok(left)
}

/// The reports of finished cells, without a look at their stimuli; prints how many are finished.
///
/// # Errors
/// If no cell is finished, or a cell has an error.
fn finished(arguments: &Arguments, cells: &[Cell], out: &Path) -> Result<Outcome> {
    arguments.plot.iter().try_for_each(|path| vacant("--plot", path))?;
    let device = Device::open()?;
    let mut outcome = Outcome::default();
    for (number, cell) in cells.iter().enumerate() {
        let report = seen(&config(arguments, cell)?, &cell.folder(out), &device);
        outcome.reports.extend(report.map_err(|error| in_cell(cell, error))?.map(|report| (number, report)));
    }
    match outcome.reports.len() {
        0 => Err(Error::file(out, "has no finished cell of this comparison")),
        some => {
            output::note(&format!("{some} of {} cells are finished", cells.len()));
            Ok(outcome)
        }
    }
}

/// Prints and saves the table; prints which cells have failed.
fn tell(
    arguments: &Arguments,
    cells: &[Cell],
    out: &Path,
    outcome: Outcome,
    error: Option<Error>,
) -> Result<Exit> {
    let reports: Vec<(&Cell, Report)> =
        outcome.reports.into_iter().map(|(number, report)| (&cells[number], report)).collect();
    let failed: Vec<String> = outcome.failed.into_iter().map(|(_, said)| said).collect();
    if !reports.is_empty() {
        let table = summary::summarise(&reports);
        let printed = output::print(&table.format(arguments.format)?);
        if cells.len() > 1 {
            let save = |name: &str, text: &str| write_atomically(&out.join(name), text.as_bytes());
            save("compare.md", &table.markdown())?;
            save("compare.csv", &table.csv())?;
            save("compare.json", &output::json(&table)?)?;
        }
        printed?;
        if let Some(path) = &arguments.plot {
            let svg = table.svg()?;
            let refused = |error| Error::file(path, format!("cannot be written: {error}"));
            write_new(path, |file| file.write_all(svg.as_bytes()).map_err(refused))?;
            output::note(&format!("drawn in {}", path.display()));
        }
    }
    if let Some(error) = error {
        return Err(error);
    }
    if failed.is_empty() {
        return Ok(Exit::Success);
    }
    let place =
        format!("compare: {} of {} cells diverged and are not in the table", failed.len(), cells.len());
    Err(Error::Diverged { place, message: failed.join("; ") })
}

/// The seed of a config. The rest of the config may be complete only with the values of a sweep.
fn seed(path: &Path, set: &[String]) -> Result<u64> {
    let document = Document::read(path)?.overridden(set)?;
    let seed = document.table().get("seed").and_then(|seed| seed.as_integer()?.try_into().ok());
    seed.ok_or_else(|| document.error("seed", "give a whole number of at least 0, or use --first-seed"))
}

fn named(cell: &Cell) -> String {
    format!("{}, seed {}", cell.label(), cell.seed)
}

/// The same error with the name of its cell.
fn in_cell(cell: &Cell, error: Error) -> Error {
    match error {
        Error::Config { place, message } => {
            Error::config(place, format!("{message} (in the cell {})", named(cell)))
        }
        Error::File { path, message } => {
            Error::file(path, format!("{message} (in the cell {})", named(cell)))
        }
        Error::Stimulus { place, message } => {
            Error::stimulus(place, format!("{message} (in the cell {})", named(cell)))
        }
        Error::Shape { place, message } => {
            Error::shape(place, format!("{message} (in the cell {})", named(cell)))
        }
        other => other,
    }
}

fn config(arguments: &Arguments, cell: &Cell) -> Result<Config> {
    let overrides = [arguments.overrides.set.clone(), cell.overrides()].concat();
    Config::load(&cell.config, &overrides)
}

/// The command that runs one cell with the present program, in the folder in which the whole comparison expects it.
fn command(arguments: &Arguments, cell: &Cell, out: &Path) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "plasticity".into());
    let mut words = vec![quoted(program), "compare".to_owned()];
    words.push(quoted(&cell.config));
    for set in &arguments.overrides.set {
        words.extend(["--set".to_owned(), quoted(set)]);
    }
    for assignment in &cell.assignments {
        words.extend(["--sweep".to_owned(), quoted(assignment)]);
    }
    words.extend(["--seeds".to_owned(), "1".to_owned(), "--first-seed".to_owned(), cell.seed.to_string()]);
    words.extend(["--out".to_owned(), quoted(cell.of_config(out))]);
    words.join(" ")
}
