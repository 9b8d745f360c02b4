//! The table of a comparison: mean and spread over seeds, layer by layer.

use super::cells::Cell;
use crate::commands::probe::Report;
use crate::output;
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
    layers: Vec<String>,
    accuracy: Vec<Spread>,
    untrained: Vec<Spread>,
}

/// All combinations.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    chance: f64,
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
    let chance =
        reports.first().and_then(|(_, report)| report.layers.first()).map_or(0.0, |layer| layer.chance);
    let rows = rows.into_iter().map(|(_, of_name)| row(&of_name)).collect();
    Table { chance, rows }
}

fn row(reports: &[&(&Cell, Report)]) -> Row {
    let layers: Vec<String> = reports
        .first()
        .map(|(_, report)| report.layers.iter().map(|layer| layer.name.clone()).collect())
        .unwrap_or_default();
    let over_seeds = |value: &dyn Fn(&plasticity_core::probe::LayerReadout) -> f64| -> Vec<Spread> {
        (0..layers.len())
            .map(|index| {
                spread(reports.iter().filter_map(|(_, report)| report.layers.get(index)).map(value).collect())
            })
            .collect()
    };
    Row {
        name: reports.first().map(|(cell, _)| cell.label()).unwrap_or_default(),
        seeds: reports.iter().map(|(cell, _)| cell.seed).collect(),
        steps: reports.first().map_or(0, |(_, report)| report.step),
        accuracy: over_seeds(&|layer| layer.accuracy),
        untrained: over_seeds(&|layer| layer.untrained),
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
    /// The table in Markdown: a row for each combination, below one for the untrained network that they began with;
    /// combinations of the same untrained network stand together.
    pub fn markdown(&self) -> String {
        let layers = self.rows.iter().max_by_key(|row| row.layers.len()).map_or(&[][..], |row| &row.layers);
        let mut head = vec!["accuracy %".to_owned(), "steps".to_owned()];
        // Layers are numbered; hand-made features have a name.
        head.extend(layers.iter().map(|name| match name.as_str() {
            "all" => "all layers".to_owned(),
            name if name.parse::<usize>().is_ok() => format!("layer {name}"),
            name => name.to_owned(),
        }));
        let line = |name: String, steps: String, spreads: &[Spread]| -> Vec<String> {
            let mut cells = vec![name, steps];
            cells.extend(spreads.iter().map(Spread::text));
            cells.resize(head.len(), String::new());
            cells
        };
        // All seeds; a row that lacks some, as their cells diverged, says which it has.
        let seeds =
            self.rows.iter().map(|row| &row.seeds[..]).max_by_key(|seeds| seeds.len()).unwrap_or_default();
        let name = |name: &str, row: &Row| match row.seeds == seeds {
            true => name.to_owned(),
            false => format!("{name}, seeds {}", listed(&row.seeds)),
        };
        let mut lines = Vec::new();
        let mut begun: Vec<&[Spread]> = Vec::new();
        for row in &self.rows {
            if begun.contains(&row.untrained.as_slice()) {
                continue;
            }
            begun.push(&row.untrained);
            lines.push(line(name("untrained", row), "0".to_owned(), &row.untrained));
            for row in self.rows.iter().filter(|other| other.untrained == row.untrained) {
                lines.push(line(name(&row.name, row), row.steps.to_string(), &row.accuracy));
            }
        }
        format!(
            "{}\n\nMean ± standard deviation over seeds {}; chance {:.1} %.",
            output::table(&head, &lines),
            listed(seeds),
            self.chance
        )
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::probe::LayerReadout;

    #[test]
    fn seeds_are_gathered_into_mean_and_spread() {
        let cell = |rule: &str, seed| Cell {
            config: "c.toml".into(),
            of: None,
            assignments: vec![format!("rule={rule}")],
            seed,
        };
        let report = |accuracy| Report {
            step: 9,
            layers: vec![LayerReadout { name: "1".to_owned(), accuracy, untrained: 30.0, chance: 12.5 }],
        };
        let cells = [cell("cpc", 1), cell("cpc", 2), cell("clapp", 1), cell("clapp", 2)];
        let reports: Vec<_> =
            cells.iter().zip([40.0, 42.0, 50.0, 50.0]).map(|(cell, a)| (cell, report(a))).collect();
        let text = summarise(&reports).markdown();
        assert!(text.contains("| untrained  |     0 | 30.0 ± 0.0 |"), "{text}");
        assert!(text.contains("| rule=cpc   |     9 | 41.0 ± 1.4 |"), "{text}");
        assert!(text.contains("seeds 1, 2; chance 12.5 %"), "{text}");

        let text = summarise(&reports[1..]).markdown();
        assert!(text.contains("| rule=cpc, seeds 2  |     9 |       42.0 |"), "{text}");
        assert!(text.contains("| rule=clapp         |     9 | 50.0 ± 0.0 |"), "{text}");
        assert!(text.contains("over seeds 1, 2; chance"), "{text}");
    }
}
