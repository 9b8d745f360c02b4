//! The comparison as a chart: accuracy by layer, with a line for each row.

use super::{Row, Spread, Table};
use crate::report::charts::{self, ByLayer, Chart, Level, Point, stacked};
use plasticity_core::Result;
use plasticity_lab::probe::ProbeKind;

impl Table {
    /// A chart for each kind of probe, from top to bottom, as SVG. Bands are one standard deviation over seeds.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn svg(&self) -> Result<String> {
        let charts = self.kinds().into_iter().map(|kind| self.by_layer(kind).chart());
        let charts: Vec<Option<Chart>> = charts.collect::<Result<_>>()?;
        Ok(stacked(&charts.into_iter().flatten().collect::<Vec<_>>()))
    }

    pub(super) fn by_layer(&self, kind: ProbeKind) -> ByLayer {
        let layers: Vec<String> = self.columns().into_iter().filter(|name| is_layer(name)).collect();
        let probe = |row: &'_ Row| row.probes.iter().find(|probe| probe.probe == kind).cloned();
        let points = |row: &Row, values: &[Spread]| -> Vec<Point> {
            let at = |(name, value): (&String, &Spread)| {
                let place = layers.iter().position(|layer| layer == name)?;
                Some(Point { x: (place + 1) as f64, y: value.mean, spread: value.std.unwrap_or(0.0) })
            };
            let mut points: Vec<Point> = row.layers.iter().zip(values).filter_map(at).collect();
            points.sort_by(|one, other| one.x.total_cmp(&other.x));
            points
        };
        let of = |row: &Row| {
            (row.name.clone(), probe(row).map_or(Vec::new(), |probe| points(row, &probe.accuracy)))
        };
        let untrained: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| Some((&row.name, points(row, &probe(row)?.untrained))))
            .collect();
        // Rules start from the same network. If rows differ in their encoder, only the first row's network is drawn.
        let same = untrained.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let named = |(name, points): (&String, Vec<Point>)| match same {
            true => ("untrained".to_owned(), points),
            false => (format!("untrained, {name}"), points),
        };
        // With the name that a level has without its row.
        let mut levels: Vec<(String, Level)> = Vec::new();
        for row in &self.rows {
            let beside = row.layers.iter().position(|name| !is_layer(name) && name != "all");
            let baseline =
                beside.and_then(|place| Some((&row.layers[place], probe(row)?.accuracy.get(place)?.mean)));
            let known = baseline.into_iter().map(|(name, value)| (charts::baseline(name), value));
            let majority = row.uneven().map(|value| ("majority class".to_owned(), value));
            for (name, value) in known.chain([("chance".to_owned(), row.chance)]).chain(majority) {
                let mut same = levels.iter().filter(|(known, _)| *known == name).peekable();
                let other = same.peek().is_some();
                if !same.any(|(_, level)| (level.value - value).abs() < 1e-6) {
                    let shown = if other { format!("{name}, {}", row.name) } else { name.clone() };
                    levels.push((name, Level { name: shown, value }));
                }
            }
        }
        ByLayer {
            kind,
            trained: self.rows.iter().map(of).collect(),
            untrained: untrained.into_iter().take(1).map(named).collect(),
            levels: levels.into_iter().map(|(_, level)| level).collect(),
            layers,
        }
    }
}

/// Whether a name in a table is a layer, and not the stimuli or all layers together.
fn is_layer(name: &str) -> bool {
    name.parse::<usize>().is_ok()
}
