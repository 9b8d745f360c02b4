//! The differences between rows, seed by seed: with the same seed, both rows have the same initial weights and stimuli.

use super::{Row, Spread, spread};
use plasticity_lab::probe::ProbeKind;
use serde::Serialize;

/// The difference between a row and the first row.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The row.
    pub(super) row: String,
    /// The first row.
    pub(super) from: String,
    /// The seeds that both have.
    pub(super) seeds: Vec<u64>,
    /// The row's layers.
    pub(super) layers: Vec<String>,
    pub(super) probes: Vec<OfProbe>,
}

/// The differences by one probe.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OfProbe {
    pub(super) probe: ProbeKind,
    /// The difference in accuracy, layer by layer; null if the first row has no such layer.
    pub(super) difference: Vec<Option<Spread>>,
}

/// The differences of all other rows from the first one, over common seeds.
pub(super) fn differences(rows: &[Row]) -> Vec<Difference> {
    let Some((first, others)) = rows.split_first() else { return Vec::new() };
    let common = |row: &Row| -> Vec<u64> {
        row.seeds.iter().copied().filter(|seed| first.seeds.contains(seed)).collect()
    };
    let others = others.iter().map(|row| (row, common(row))).filter(|(_, seeds)| !seeds.is_empty());
    others.map(|(row, seeds)| difference(first, row, seeds)).collect()
}

fn difference(first: &Row, row: &Row, seeds: Vec<u64>) -> Difference {
    let at = |of: &Row, seed: u64| of.seeds.iter().position(|other| *other == seed);
    let mut probes = Vec::new();
    for probe in &row.probes {
        let Some(other) = first.probes.iter().find(|other| other.probe == probe.probe) else { continue };
        let of_layer = |(layer, own): (&String, &Spread)| -> Option<Spread> {
            let place = first.layers.iter().position(|other| other == layer)?;
            let theirs = other.accuracy.get(place)?;
            let of_seed =
                |seed: &u64| Some(own.each.get(at(row, *seed)?)? - theirs.each.get(at(first, *seed)?)?);
            Some(spread(seeds.iter().map(of_seed).collect::<Option<Vec<f64>>>()?))
        };
        let difference = row.layers.iter().zip(&probe.accuracy).map(of_layer).collect();
        probes.push(OfProbe { probe: probe.probe, difference });
    }
    Difference { row: row.name.clone(), from: first.name.clone(), seeds, layers: row.layers.clone(), probes }
}
