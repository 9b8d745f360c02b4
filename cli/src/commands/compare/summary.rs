//! The table of a comparison: mean and spread over seeds, layer by layer.

use super::cells::Cell;
use crate::commands::probe::Report;
use crate::output;
use plasticity_lab::probe::{LayerProbe, ProbeKind, Score};
use serde::Serialize;

/// Mean and standard deviation over seeds, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    mean: f64,
    /// With n − 1 in the denominator; `None` for a single seed.
    std: Option<f64>,
}

/// A combination of swept values.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    name: String,
    seeds: Vec<u64>,
    steps: u64,
    chance: f64,
    layers: Vec<String>,
    probes: Vec<Probe>,
}

/// One probe, layer by layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Probe {
    probe: ProbeKind,
    accuracy: Vec<Spread>,
    untrained: Vec<Spread>,
    /// Trained less untrained, seed by seed.
    gain: Vec<Spread>,
}

/// All combinations.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    rows: Vec<Row>,
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
    Table { rows: rows.into_iter().map(|(_, of_name)| row(&of_name)).collect() }
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
        steps: reports.first().map_or(0, |(_, report)| report.step),
        chance: reports
            .first()
            .and_then(|(_, report)| report.layers.first())
            .map_or(0.0, |layer| layer.chance),
        probes: probes.collect(),
        layers,
    }
}

fn spread(values: Vec<f64>) -> Spread {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Spread { mean, std: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) }
}

impl Table {
    /// A table in Markdown for each probe, and what they are of.
    pub fn markdown(&self) -> String {
        let mut kinds: Vec<ProbeKind> = Vec::new();
        for probe in self.rows.iter().flat_map(|row| &row.probes) {
            if !kinds.contains(&probe.probe) {
                kinds.push(probe.probe);
            }
        }
        let mut chances: Vec<String> = self.rows.iter().map(|row| format!("{:.1}", row.chance)).collect();
        chances.dedup();
        let (seeds, chances) = (listed(self.seeds()), chances.join(", "));
        let caption = match self.seeds().len() {
            1 => format!("Seed {seeds}; chance {chances} %. Gains are on the untrained network."),
            _ => format!(
                "Mean ± standard deviation over seeds {seeds}; chance {chances} %. Gains are on the untrained network of the \
                 same seed."
            ),
        };
        let tables = kinds.into_iter().map(|kind| self.table(kind));
        tables.chain([caption]).collect::<Vec<_>>().join("\n\n")
    }

    /// All seeds; a row that lacks some, as their cells diverged, says which it has.
    fn seeds(&self) -> &[u64] {
        self.rows.iter().map(|row| &row.seeds[..]).max_by_key(|seeds| seeds.len()).unwrap_or_default()
    }

    /// One probe's table: for each combination its accuracy and its gain, below a row for the untrained network that they
    /// began with; combinations of the same untrained network stand together.
    fn table(&self, kind: ProbeKind) -> String {
        let layers = self.columns();
        let mut head = vec![format!("{}, accuracy %", kind.title()), "steps".to_owned()];
        // Layers are numbered; features that need no network have a name.
        head.extend(layers.iter().map(|name| match name.as_str() {
            "all" => "all layers".to_owned(),
            name if name.parse::<usize>().is_ok() => format!("layer {name}"),
            name => name.to_owned(),
        }));
        let line = |name: String, steps: &str, of: &Row, text: &dyn Fn(usize) -> String| -> Vec<String> {
            let place = |layer: &String| of.layers.iter().position(|other| other == layer);
            let values = layers.iter().map(|layer| place(layer).map(text).unwrap_or_default());
            [name, steps.to_owned()].into_iter().chain(values).collect()
        };
        let name = |name: &str, row: &Row| match row.seeds == self.seeds() {
            true => name.to_owned(),
            false => format!("{name}, seeds {}", listed(&row.seeds)),
        };
        let rows: Vec<(&Row, &Probe)> = self
            .rows
            .iter()
            .filter_map(|row| Some((row, row.probes.iter().find(|probe| probe.probe == kind)?)))
            .collect();
        let begin = |row: &(&Row, &Probe)| (row.0.layers.clone(), row.1.untrained.clone());
        let mut lines = Vec::new();
        let mut begun = Vec::new();
        for first in &rows {
            if begun.contains(&begin(first)) {
                continue;
            }
            begun.push(begin(first));
            let (row, probe) = first;
            lines.push(line(name("untrained", row), "0", row, &|at| probe.untrained[at].text()));
            for (row, probe) in rows.iter().filter(|row| begin(row) == begin(first)) {
                let steps = row.steps.to_string();
                lines.push(line(name(&row.name, row), &steps, row, &|at| probe.accuracy[at].text()));
                lines.push(line("  gain".to_owned(), "", row, &|at| probe.gain[at].signed()));
            }
        }
        output::table(&head, &lines)
    }

    /// The layers of all rows: hand-made features, then layers by number, then all of them side by side.
    fn columns(&self) -> Vec<String> {
        let mut columns: Vec<&String> = Vec::new();
        for layer in self.rows.iter().flat_map(|row| &row.layers) {
            if !columns.contains(&layer) {
                columns.push(layer);
            }
        }
        columns.sort_by_key(|name| match name.parse::<usize>() {
            Ok(number) => number,
            Err(_) if *name == "all" => usize::MAX,
            Err(_) => 0,
        });
        columns.into_iter().cloned().collect()
    }
}

fn listed(seeds: &[u64]) -> String {
    seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl Spread {
    fn text(&self) -> String {
        match self.std {
            Some(std) => format!("{:.1} ± {std:.1}", self.mean),
            None => format!("{:.1}", self.mean),
        }
    }

    fn signed(&self) -> String {
        let sign = if self.mean < 0.0 { "" } else { "+" };
        format!("{sign}{}", self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_lab::probe::FeatureStatistics;

    fn layer(name: &str, accuracy: f64) -> LayerProbe {
        LayerProbe {
            name: name.to_owned(),
            scores: vec![Score {
                probe: ProbeKind::Raw,
                accuracy,
                untrained: 30.0,
                top5: None,
                chosen: None,
            }],
            chance: 12.5,
            majority: 12.5,
            features: FeatureStatistics::default(),
            untrained_features: FeatureStatistics::default(),
        }
    }

    /// The text with single blanks, whatever the width of columns.
    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_stand_below_the_names_of_their_layers() {
        let cell =
            |of: &str| Cell { config: "".into(), of: Some(of.to_owned()), assignments: Vec::new(), seed: 1 };
        let report = |layers: &[(&str, f64)]| Report {
            step: 9,
            layers: layers.iter().map(|(name, accuracy)| layer(name, *accuracy)).collect(),
            readout: String::new(),
        };
        let cells = [cell("images"), cell("speech")];
        let reports =
            [report(&[("1", 41.0), ("all", 42.0)]), report(&[("mfcc", 43.0), ("1", 44.0), ("2", 45.0)])];
        let reports: Vec<_> = cells.iter().zip(reports).collect();
        let text = summarise(&reports).markdown();
        let row = |name: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.contains(name)).unwrap();
            line.split('|').map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
        };
        assert_eq!(
            row("accuracy"),
            ["raw features, accuracy %", "steps", "mfcc", "layer 1", "layer 2", "all layers"]
        );
        assert_eq!(
            (row("images"), row("speech")),
            (
                ["images", "9", "41.0", "42.0"].map(str::to_owned).to_vec(),
                ["speech", "9", "43.0", "44.0", "45.0"].map(str::to_owned).to_vec(),
            )
        );
        assert!(squeezed(&text).contains("| images | 9 | | 41.0 | | 42.0 |"), "{text}");
    }

    #[test]
    fn seeds_are_gathered_into_mean_and_spread() {
        let cell = |rule: &str, seed| Cell {
            config: "c.toml".into(),
            of: None,
            assignments: vec![format!("rule={rule}")],
            seed,
        };
        let report =
            |accuracy| Report { step: 9, layers: vec![layer("1", accuracy)], readout: String::new() };
        let cells = [cell("cpc", 1), cell("cpc", 2), cell("clapp", 1), cell("clapp", 2)];
        let reports: Vec<_> =
            cells.iter().zip([40.0, 42.0, 50.0, 50.0]).map(|(cell, a)| (cell, report(a))).collect();
        let text = squeezed(&summarise(&reports).markdown());
        assert!(text.contains("| untrained | 0 | 30.0 ± 0.0 |"), "{text}");
        assert!(text.contains("| gain | | +11.0 ± 1.4 |"), "{text}");
        assert!(text.contains("| rule=cpc | 9 | 41.0 ± 1.4 |"), "{text}");
        assert!(text.contains("seeds 1, 2; chance 12.5 %"), "{text}");

        let text = squeezed(&summarise(&reports[1..]).markdown());
        assert!(text.contains("| rule=cpc, seeds 2 | 9 | 42.0 |"), "{text}");
        assert!(text.contains("| rule=clapp | 9 | 50.0 ± 0.0 |"), "{text}");
        assert!(text.contains("over seeds 1, 2; chance"), "{text}");
    }
}
