//! A comparison as comma-separated values.

use super::Table;
use std::fmt::Write;

impl Table {
    /// A line for every probe, cell, layer and seed.
    pub fn csv(&self) -> String {
        let mut text = "probe,cell,layer,seed,steps,accuracy,untrained,gain,chance,majority\n".to_owned();
        for row in &self.rows {
            for probe in &row.probes {
                for (place, layer) in row.layers.iter().enumerate() {
                    for (index, seed) in row.seeds.iter().enumerate() {
                        let of = |spreads: &[super::Spread]| -> String {
                            let value = spreads.get(place).and_then(|spread| spread.each.get(index));
                            value.map(f64::to_string).unwrap_or_default()
                        };
                        let (name, kind, chance) = (&row.name, probe.probe.name(), row.chance);
                        let steps = row.steps.get(index).map(u64::to_string).unwrap_or_default();
                        let majority = row.majority.get(index).map(f64::to_string).unwrap_or_default();
                        let (own, untrained, gain) =
                            (of(&probe.accuracy), of(&probe.untrained), of(&probe.gain));
                        let (name, layer) = (quoted(name), quoted(layer));
                        // Writing to a text cannot fail.
                        let _ = writeln!(
                            text,
                            "{kind},{name},{layer},{seed},{steps},{own},{untrained},{gain},{chance},{majority}"
                        );
                    }
                }
            }
        }
        text
    }
}

/// A field, in quotes if necessary.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
