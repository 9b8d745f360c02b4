//! Distributes cells to free ranks and collects their outcomes.

use super::cells::Cell;
use super::run_cell::{self, run_cell};
use super::time_left::TimeLeft;
use super::{Arguments, config, in_cell, named};
use crate::commands::probe::Report;
use crate::exit::Exit;
use crate::output;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::ranks::{self, Collective};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The outcomes of the cells of one rank, each with the number of its cell.
#[derive(Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The reports of probed cells.
    pub reports: Vec<(usize, Report)>,
    /// The messages of diverged cells.
    pub failed: Vec<(usize, String)>,
}

/// Runs cells until none is left: each rank takes the next cell when it is free. Returns the
/// outcomes of all cells in order, or the exit status if a signal stopped the program; and the
/// first error, if any.
///
/// # Errors
/// If a rank has left.
pub fn run(
    arguments: &Arguments,
    cells: &[Cell],
    out: &Path,
    ranks: &dyn Collective,
    left: &mut TimeLeft,
) -> Result<(Outcome, Option<Exit>, Option<Error>)> {
    let device = Device::open()?;
    let (mut own, mut exit, mut error) = (Outcome::default(), None, None);
    while let Some((number, cell)) = next(cells, ranks)? {
        left.come_to(number);
        output::note(&format!("{} of {}: {}{}", number + 1, cells.len(), named(cell), left.said()));
        left.begin();
        match config(arguments, cell).and_then(|config| run_cell(config, &cell.folder(out), &device)) {
            Ok(run_cell::Cell::Done(report)) => own.reports.push((number, report)),
            Ok(run_cell::Cell::Stopped(how)) => {
                exit = Some(how);
                break;
            }
            Err(Error::Diverged { place, message }) => {
                own.failed.push((number, format!("{}, {place}: {message}", named(cell))));
            }
            Err(other) => {
                error = Some(in_cell(cell, other));
                break;
            }
        }
        left.end();
    }
    let stopped = ranks.any(exit.is_some())?;
    let error = ranks::agree(ranks, error.map_or(Ok(()), Err)).err();
    let exit = exit.or(stopped.then_some(Exit::Interrupted));
    Ok((gathered(ranks, own)?, exit, error))
}

/// The next cell that no rank has taken yet.
fn next<'a>(cells: &'a [Cell], ranks: &dyn Collective) -> Result<Option<(usize, &'a Cell)>> {
    let number = usize::try_from(ranks.claim()?).unwrap_or(usize::MAX);
    Ok(cells.get(number).map(|cell| (number, cell)))
}

/// The merged outcomes of all ranks.
fn gathered(ranks: &dyn Collective, own: Outcome) -> Result<Outcome> {
    if ranks.size() == 1 {
        return Ok(own);
    }
    let refused =
        |error: serde_json::Error| Error::Ranks(format!("the results of cells cannot be sent ({error})"));
    let mut all = Outcome::default();
    for bytes in ranks.exchange(serde_json::to_vec(&own).map_err(refused)?)? {
        let Outcome { reports, failed } = serde_json::from_slice(&bytes).map_err(refused)?;
        all.reports.extend(reports);
        all.failed.extend(failed);
    }
    all.reports.sort_by_key(|(number, _)| *number);
    all.failed.sort_by_key(|(number, _)| *number);
    Ok(all)
}
