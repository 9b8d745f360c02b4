//! The table of a comparison: mean and spread over seeds, layer by layer, and the differences between rows,
//! seed by seed.

mod csv;
mod difference;
mod plot;
mod render;
mod student;
#[cfg(test)]
mod tests;

pub use render::Format;

use super::cells::Cell;
use crate::commands::probe::Report;
use difference::{Difference, differences};
use plasticity_lab::probe::{LayerProbe, ProbeKind, Score};
use serde::Serialize;
use student::half_interval;

/// Mean and standard deviation over seeds, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    mean: f64,
    /// With n − 1 in the denominator; `None` for a single seed.
    std: Option<f64>,
    /// The 95 % interval of the mean, by Student's t; `None` for a single seed.
    interval: Option<[f64; 2]>,
    /// The values of the seeds, in their order.
    each: Vec<f64>,
}

/// A combination of swept values.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    name: String,
    seeds: Vec<u64>,
    /// The steps of training of each seed: with `training.patience` they may differ.
    steps: Vec<u64>,
    chance: f64,
    /// The accuracy of always naming the most frequent class, for each seed: built-in stimuli differ between seeds.
    majority: Vec<f64>,
    layers: Vec<String>,
    probes: Vec<Probe>,
}

impl Row {
    /// The accuracy of always naming the most frequent class, as the mean over seeds, if it is not chance.
    fn uneven(&self) -> Option<f64> {
        let mean = self.majority.iter().sum::<f64>() / self.majority.len() as f64;
        Some(mean).filter(|mean| (mean - self.chance).abs() > 0.05)
    }
}

/// One probe, layer by layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Probe {
    probe: ProbeKind,
    accuracy: Vec<Spread>,
    untrained: Vec<Spread>,
    /// Trained minus untrained, seed by seed.
    gain: Vec<Spread>,
}

/// All combinations.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    rows: Vec<Row>,
    /// The differences of the other rows from the first one, over common seeds.
    differences: Vec<Difference>,
}

impl Table {
    /// The kinds of probes, in the order of the rows.
    fn kinds(&self) -> Vec<ProbeKind> {
        let mut kinds: Vec<ProbeKind> = Vec::new();
        for probe in self.rows.iter().flat_map(|row| &row.probes) {
            if !kinds.contains(&probe.probe) {
                kinds.push(probe.probe);
            }
        }
        kinds
    }
}

/// Gathers the seeds of every combination.
pub fn summarise(reports: &[(&Cell, Report)]) -> Table {
    let mut rows: Vec<(String, Vec<&(&Cell, Report)>)> = Vec::new();
    for report in reports {
        let name = report.0.name();
        match rows.iter_mut().find(|(other, _)| *other == name) {
            Some((_, of_name)) => of_name.push(report),
            None => rows.push((name, vec![report])),
        }
    }
    let rows: Vec<Row> = rows.into_iter().map(|(_, of_name)| row(&of_name)).collect();
    Table { differences: differences(&rows), rows }
}

fn row(reports: &[&(&Cell, Report)]) -> Row {
    let layers: Vec<String> = reports
        .first()
        .map(|(_, report)| report.layers.iter().map(|layer| layer.name.clone()).collect())
        .unwrap_or_default();
    let kinds = reports.first().and_then(|(_, report)| report.layers.first());
    let kinds: Vec<ProbeKind> =
        kinds.into_iter().flat_map(|layer| &layer.scores).map(|score| score.probe).collect();
    let over_seeds = |probe: ProbeKind, value: &dyn Fn(&Score) -> f64| -> Vec<Spread> {
        let of = |layer: &LayerProbe| layer.score(probe).map(value);
        (0..layers.len())
            .map(|index| {
                let of_layer = reports.iter().filter_map(|(_, report)| report.layers.get(index));
                spread(of_layer.filter_map(of).collect())
            })
            .collect()
    };
    let probes = kinds.into_iter().map(|probe| Probe {
        probe,
        accuracy: over_seeds(probe, &|score| score.accuracy),
        untrained: over_seeds(probe, &|score| score.untrained),
        gain: over_seeds(probe, &|score| score.accuracy - score.untrained),
    });
    Row {
        name: reports.first().map(|(cell, _)| cell.label()).unwrap_or_default(),
        seeds: reports.iter().map(|(cell, _)| cell.seed).collect(),
        steps: reports.iter().map(|(_, report)| report.step).collect(),
        chance: reports
            .first()
            .and_then(|(_, report)| report.layers.first())
            .map_or(0.0, |layer| layer.chance),
        majority: reports
            .iter()
            .filter_map(|(_, report)| report.layers.first())
            .map(|layer| layer.majority)
            .collect(),
        probes: probes.collect(),
        layers,
    }
}

fn spread(values: Vec<f64>) -> Spread {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let std = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
    let half = std.and_then(|std| half_interval(std, values.len()));
    Spread { mean, std, interval: half.map(|half| [mean - half, mean + half]), each: values }
}
