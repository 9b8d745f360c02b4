//! Draws the pairs that the prediction steps of one update compare.

use super::drawn::{Each, Landing, Negatives, Signs};
use super::options::Protocol;
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
            Negatives::OtherSample { each, at, count } => {
                let alternate = match self.protocol.signs {
                    Signs::Drawn => None,
                    Signs::Alternate(negatives) => Some(negatives + 1),
                };
                let least = self.protocol.signs.least_batch();
                if batch < least {
                    let message = format!(
                        "negatives `other_sample` need at least {least} inputs in a batch, got {batch}"
                    );
                    return Err(Error::shape(place(), message));
                }
                let places = match (each, at) {
                    (Each::Input, Landing::Same) => 1,
                    _ => rows / batch,
                };
                let inputs = match (each, alternate) {
                    (Each::Input, Some(period)) => {
                        let stimuli = batch / period;
                        let first = draws.others(side, step.k, stimuli).first().copied().unwrap_or(1);
                        alternating_others(batch, period, first as usize).repeat(places)
                    }
                    (Each::Input, None) => draws.others(side, step.k, batch).repeat(places),
                    (Each::Place, _) => draws.others_of_places(side, step.k, batch, places),
                };
                let landings = match at {
                    Landing::Same => (0..places as u32).flat_map(|place| vec![place; batch]).collect(),
                    Landing::Any => draws.landings(side, step.k, batch * places * count, places),
                };
                let row = |(i, place): (usize, &u32)| Some(place * batch as u32 + inputs.get(i / count)?);
                let index: Vec<u32> = landings.iter().enumerate().map_while(row).collect();
                within(&index, places * batch * count, places * batch, place)?;
                (index, count)
            }
        };
        let signs = match self.protocol.signs {
            _ if !self.protocol.time_local => Vec::new(),
            Signs::Drawn => draws.signs(side, batch),
            Signs::Alternate(negatives) => {
                (0..batch).map(|input| if input % (negatives + 1) == 0 { 1 } else { -1 }).collect()
            }
        };
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

/// For each input of a batch that repeats after `period` inputs (a positive, then negatives), the same member of another
/// period: `first` periods on for the first negative, one more for each further one. So each negative is the other input
/// of exactly one negative. The negatives of a period have different ones, because there are at least `period` periods.
fn alternating_others(batch: usize, period: usize, first: usize) -> Vec<u32> {
    let periods = batch / period;
    let other = |input: usize| {
        let (own, member) = (input / period, input % period);
        let distance = 1 + (first.max(1) + member.max(1) - 2) % (periods - 1);
        ((own + distance) % periods * period + member) as u32
    };
    (0..batch).map(other).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negatives_of_a_stimulus_have_different_others_and_each_is_one_once() {
        for (stimuli, period) in [(2, 2), (5, 2), (5, 4), (9, 3)] {
            for first in 0..stimuli {
                let others = alternating_others(stimuli * period, period, first);
                for member in 0..period {
                    let mut of_member: Vec<_> =
                        others.iter().skip(member).step_by(period).map(|&other| other as usize).collect();
                    assert!((0..stimuli).all(|own| of_member[own] != own * period + member));
                    of_member.sort_unstable();
                    assert!(of_member.iter().copied().eq((0..stimuli).map(|own| own * period + member)));
                }
                for own in others.chunks(period) {
                    let mut stimuli: Vec<_> = own[1..].iter().map(|&other| other as usize / period).collect();
                    stimuli.sort_unstable();
                    stimuli.dedup();
                    assert_eq!(stimuli.len(), period - 1);
                }
            }
        }
        // Inputs after the last whole period have others within the whole ones.
        assert!(alternating_others(11, 3, 2).iter().all(|&other| other < 9));
    }
}
