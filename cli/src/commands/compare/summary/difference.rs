//! What rows differ by, seed by seed: of one seed both have the same initial weights and stimuli.

use super::{Row, Spread, spread};
use plasticity_lab::probe::ProbeKind;
use serde::Serialize;

/// A row less the first one.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The row.
    pub(super) row: String,
    /// What it is compared with.
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
    /// The accuracy less the other's, layer by layer; null where the other has no such layer.
    pub(super) difference: Vec<Option<Spread>>,
}

/// Every row after the first beside it, where they have seeds in common.
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
