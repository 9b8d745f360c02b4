//! Draws the pairs that the prediction steps of one update compare.

use super::options::{Each, Landing, Negatives, Protocol};
use super::steps::Step;
use plasticity_core::device::Device;
use plasticity_core::draws::{Draws, Side};
use plasticity_core::pairs::{Pairs, Saccades};
use plasticity_core::{Error, Result};

/// Makes the pairs of each prediction step.
pub struct Meetings<'a> {
    rule: &'static str,
    protocol: &'a Protocol,
    batch: usize,
    device: &'a Device,
    /// Pairs of inputs with other inputs. They are often the same in every prediction step and are
    /// then copied to the device once.
    before: Option<Pairs>,
}

impl<'a> Meetings<'a> {
    /// For representations of `batch` inputs.
    pub fn new(rule: &'static str, protocol: &'a Protocol, batch: usize, device: &'a Device) -> Self {
        Self { rule, protocol, batch, device, before: None }
    }

    /// The pairs of one step.
    ///
    /// # Errors
    /// If the batch is too small, or what was drawn does not fit it.
    pub fn pairs(&mut self, side: Side, step: Step, draws: &mut dyn Draws) -> Result<Pairs> {
        let place = || format!("rule {}, {} {}", self.rule, side.name(), step.k);
        let (batch, rows) = (self.batch, step.rows);
        let (index, count) = match self.protocol.negatives {
            Negatives::All {} => return Ok(Pairs::all(rows)),
            Negatives::Random { count } => {
                let index = draws.negatives(side, step.k, rows, count);
                within(&index, rows * count, rows, place)?;
                (index, count)
            }
            Negatives::OtherSample { each, at } => {
                if batch < 2 {
                    let message =
                        format!("negatives `other_sample` need at least 2 inputs in a batch, got {batch}");
                    return Err(Error::shape(place(), message));
                }
                let places = match (each, at) {
                    (Each::Input, Landing::Same) => 1,
                    _ => rows / batch,
                };
                let index = others(side, step.k, (batch, places), (each, at), draws);
                within(&index, places * batch, places * batch, place)?;
                (index, 1)
            }
        };
        let signs = if self.protocol.time_local { draws.signs(side, batch) } else { Vec::new() };
        if self.protocol.time_local && (signs.len() != batch || signs.iter().any(|sign| sign.abs() != 1)) {
            return Err(Error::shape(place(), format!("expected {batch} signs of ±1, got {signs:?}")));
        }
        if let Some(before) = self.before.as_ref().filter(|before| same(before, &index, &signs)) {
            return Ok(before.of_rows(rows)?);
        }
        let mut pairs = Pairs::sampled(self.device, rows, count, index)?;
        if self.protocol.time_local {
            pairs = pairs.time_local(self.device, &signs)?;
        }
        if let Negatives::OtherSample { .. } = self.protocol.negatives {
            self.before = Some(pairs.clone());
        }
        Ok(pairs)
    }
}

/// For each of `places` places and times of a batch, the row of each input's saccade. It is at the
/// same place in another input, or at any place. The other input is drawn once for an input, or
/// separately for each of its places.
fn others(
    side: Side,
    step: usize,
    (batch, places): (usize, usize),
    (each, at): (Each, Landing),
    draws: &mut dyn Draws,
) -> Vec<u32> {
    let inputs = match each {
        Each::Input => draws.others(side, step, batch).repeat(places),
        Each::Place => draws.others_of_places(side, step, batch, places),
    };
    let landings = match at {
        Landing::Same => (0..places as u32).flat_map(|place| vec![place; batch]).collect(),
        Landing::Any => draws.landings(side, step, batch * places, places),
    };
    landings.iter().zip(&inputs).map(|(place, input)| place * batch as u32 + input).collect()
}

/// Whether the pairs have this index and these signs.
fn same(pairs: &Pairs, index: &[u32], signs: &[i8]) -> bool {
    let saccades = matches!(&pairs.saccades, Saccades::Sampled(sampled) if sampled.index() == index);
    let fixations = pairs.signs.as_ref().map_or(&[][..], |signs| signs.fixations());
    saccades && fixations.iter().copied().eq(signs.iter().map(|&sign| sign > 0))
}

fn within(index: &[u32], count: usize, rows: usize, place: impl Fn() -> String) -> Result<()> {
    if index.len() != count {
        return Err(Error::shape(place(), format!("expected {count} negatives, got {}", index.len())));
    }
    match index.iter().find(|&&row| row as usize >= rows) {
        Some(row) => Err(Error::shape(place(), format!("negative {row} is not one of {rows}"))),
        None => Ok(()),
    }
}
