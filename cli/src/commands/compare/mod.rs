//! `plasticity compare CONFIG --sweep KEY=A,B,C --seeds N`: a run for every cell, and one table.

mod cells;
mod run_cell;
mod slurm;
mod summary;
mod time_left;

use super::features::{vacant, write_new};
use super::{probe, train};
use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use cells::{Cell, Sweep, cells};
use output::quoted;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Document};
use plasticity_lab::files::write_atomically;
use run_cell::{check, run_cell};
use std::io::Write;
use std::path::{Path, PathBuf};
use time_left::TimeLeft;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configs, TOML files; the runs of several are named after them
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// The values of a key, each a name, a number, a list or an inline table such as {type="lpl",predictive=2.0};
    /// several sweeps give every combination
    #[arg(long, value_name = "KEY=A,B,C", value_parser = cells::parse_sweep)]
    sweep: Vec<Sweep>,
    /// Seeds of every combination
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The first seed [default: the first config's]
    #[arg(long)]
    first_seed: Option<u64>,
    /// The folder of all the runs [default: runs/compare-NAME, after the first config's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one command for each cell and train nothing, so that a scheduler can run them
    #[arg(long)]
    list: bool,
    /// With --list: print them as one script, an array of SLURM with a task for each cell
    #[arg(long, requires = "list")]
    slurm: bool,
    /// What the comparison is printed as; its folder has it as Markdown, JSON and CSV in any case
    #[arg(long, value_enum, default_value_t = summary::Format::Markdown)]
    format: summary::Format,
    /// Draw accuracy by layer, a line for each row with its spread over seeds, beside the untrained network and chance
    #[arg(long, value_name = "FILE.svg", conflicts_with = "list")]
    plot: Option<PathBuf>,
}

/// Runs or goes on with every cell, then prints the table and, if it is of several cells, writes it to `compare.md`,
/// `compare.csv` and `compare.json`: the commands of `--list` are of one cell each and share a folder. A cell that diverges is left out of
/// the table and named at the end.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let first = arguments.configs.first().map_or(Path::new(""), PathBuf::as_path);
    let first_seed = match arguments.first_seed {
        Some(seed) => seed,
        None => seed(first, &arguments.overrides.set)?,
    };
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(format!("compare-{stem}")));
    let last_seed = first_seed.checked_add(arguments.seeds).ok_or_else(|| {
        Error::config("--first-seed", format!("after {first_seed} there are not {} seeds", arguments.seeds))
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
    arguments.plot.iter().try_for_each(|path| vacant(path))?;
    let device = Device::open()?;
    // Whatever can be found wrong with a cell is found before the first is trained.
    let mut left = TimeLeft::default();
    for cell in &cells {
        let steps = check(config(arguments, cell)?, &cell.folder(&out), &device);
        left.expect(steps.map_err(|error| in_cell(cell, error))?);
    }
    let (mut reports, mut failed, mut stopped) = (Vec::new(), Vec::new(), None);
    for (number, cell) in cells.iter().enumerate() {
        output::note(&format!("{} of {}: {}{}", number + 1, cells.len(), named(cell), left.said()));
        left.begin();
        match run_cell(config(arguments, cell)?, &cell.folder(&out), &device) {
            Ok(run_cell::Cell::Done(report)) => {
                left.end();
                reports.push((cell, report));
            }
            Ok(run_cell::Cell::Stopped(exit)) => return Ok(exit),
            Err(Error::Diverged { place, message }) => {
                left.end();
                failed.push(format!("{}, {place}: {message}", named(cell)));
            }
            Err(error) => {
                stopped = Some(in_cell(cell, error));
                break;
            }
        }
    }
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
    if let Some(error) = stopped {
        return Err(error);
    }
    if failed.is_empty() {
        return Ok(Exit::Success);
    }
    let place = format!("compare, {} of {} cells, which the table lacks", failed.len(), cells.len());
    Err(Error::Diverged { place, message: failed.join("; ") })
}

/// The seed that a config says; the rest of it may be whole only with a sweep's value.
fn seed(path: &Path, set: &[String]) -> Result<u64> {
    let document = Document::read(path)?.overridden(set)?;
    let seed = document.table().get("seed").and_then(|seed| seed.as_integer()?.try_into().ok());
    seed.ok_or_else(|| document.error("seed", "give a whole number of at least 0, or --first-seed"))
}

fn named(cell: &Cell) -> String {
    format!("{}, seed {}", cell.label(), cell.seed)
}

/// The same error with the cell that it is of.
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

/// The command that runs one cell, by the program that runs now, into the folder that the whole comparison looks for it in.
fn command(arguments: &Arguments, cell: &Cell, out: &Path) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "plasticity".into());
    let mut words = vec![quoted(&program.to_string_lossy()), "compare".to_owned()];
    words.push(quoted(&cell.config.display().to_string()));
    for set in &arguments.overrides.set {
        words.extend(["--set".to_owned(), quoted(set)]);
    }
    for assignment in &cell.assignments {
        words.extend(["--sweep".to_owned(), quoted(assignment)]);
    }
    words.extend(["--seeds".to_owned(), "1".to_owned(), "--first-seed".to_owned(), cell.seed.to_string()]);
    words.extend(["--out".to_owned(), quoted(&cell.of_config(out).display().to_string())]);
    words.join(" ")
}
