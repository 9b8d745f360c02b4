//! The table of a comparison as text, Markdown and LaTeX.

use super::{Probe, Row, Spread, Table};
use crate::output;
use plasticity_core::Result;
use plasticity_lab::probe::ProbeKind;

/// The format of a printed comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns
    Text,
    /// Tables in Markdown
    Markdown,
    /// A line for every probe, cell, layer and seed
    Csv,
    /// Tables for LaTeX, with the package `booktabs`
    Latex,
    /// Everything, the values of every seed included
    Json,
}

impl Table {
    /// The comparison in a format.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn format(&self, format: Format) -> Result<String> {
        Ok(match format {
            Format::Text => self.text(),
            Format::Markdown => self.markdown(),
            Format::Csv => self.csv().trim_end().to_owned(),
            Format::Latex => self.latex(),
            Format::Json => output::json(self)?,
        })
    }

    /// A table in Markdown for each probe, the differences of rows, and the caption.
    pub fn markdown(&self) -> String {
        let tables = self.tables().into_iter().map(|(head, lines)| output::table(&head, &lines));
        tables.chain([self.caption()]).collect::<Vec<_>>().join("\n\n")
    }

    /// The same in columns.
    pub(super) fn text(&self) -> String {
        let tables = self.tables().into_iter().map(|(head, lines)| output::columns(&head, &lines));
        tables.chain([self.caption()]).collect::<Vec<_>>().join("\n\n")
    }

    /// The same for LaTeX, with the rules of the package `booktabs`.
    pub(super) fn latex(&self) -> String {
        let tables = self.tables().into_iter().map(|(head, lines)| {
            let line = |cells: &[String]| {
                let cells: Vec<_> = cells.iter().map(|cell| escaped(cell)).collect();
                format!("{} \\\\", cells.join(" & "))
            };
            let columns = "r".repeat(head.len().saturating_sub(1));
            let lines: Vec<_> = lines.iter().map(|cells| line(cells)).collect();
            format!(
                "\\begin{{tabular}}{{l{columns}}}\n\\toprule\n{}\n\\midrule\n{}\n\\bottomrule\n\\end{{tabular}}",
                line(&head),
                lines.join("\n")
            )
        });
        let caption = format!("% {}", self.caption());
        tables.chain([caption]).collect::<Vec<_>>().join("\n\n")
    }

    /// The table of every probe, then the differences of rows.
    fn tables(&self) -> Vec<(Vec<String>, Vec<Vec<String>>)> {
        let kinds = self.kinds();
        let differences = kinds.iter().filter_map(|kind| self.difference(*kind)).collect::<Vec<_>>();
        kinds.iter().map(|kind| self.table(*kind)).chain(differences).collect()
    }

    /// The caption: seeds, chance and the meaning of the numbers.
    fn caption(&self) -> String {
        let (seeds, guessed) = (listed(self.seeds()), self.guessed());
        let mut caption = match self.seeds().len() {
            1 => format!("Seed {seeds}; {guessed}. Gains are over the untrained network."),
            _ => format!(
                "Mean ± standard deviation over seeds {seeds}; {guessed}. Gains are over the untrained \
                 network of the same seed."
            ),
        };
        if self.has_differences() {
            caption +=
                " Differences are means over seeds, with their 95 % interval in brackets (Student's t).";
        }
        caption
    }

    /// Chance, and the accuracy of always naming the most frequent class where it differs.
    fn guessed(&self) -> String {
        let percent = |values: Vec<f64>| -> String {
            let mut texts: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
            texts.dedup();
            format!("{} %", texts.join(", "))
        };
        let chance = percent(self.rows.iter().map(|row| row.chance).collect());
        let majority: Vec<f64> = self.rows.iter().filter_map(Row::uneven).collect();
        match majority.is_empty() {
            true => format!("chance {chance}"),
            false => format!("chance {chance}, majority class {}", percent(majority)),
        }
    }

    fn has_differences(&self) -> bool {
        let probes = self.differences.iter().flat_map(|row| &row.probes);
        probes.flat_map(|probe| &probe.difference).flatten().any(|spread| spread.interval.is_some())
    }

    /// One probe's table of differences, if there is more than one seed.
    fn difference(&self, kind: ProbeKind) -> Option<(Vec<String>, Vec<Vec<String>>)> {
        if !self.has_differences() {
            return None;
        }
        let columns = self.columns();
        let from = self.differences.first()?.from.clone();
        let mut head = vec![format!("{}, difference from {from}", kind.title())];
        head.extend(columns.iter().map(|name| column(name)));
        let mut lines = Vec::new();
        for row in &self.differences {
            let Some(probe) = row.probes.iter().find(|probe| probe.probe == kind) else { continue };
            let of = |name: &String| {
                let place = row.layers.iter().position(|other| other == name);
                place.and_then(|place| probe.difference.get(place)?.as_ref())
            };
            let cells = columns.iter().map(|name| of(name).map(Spread::between).unwrap_or_default());
            let name = self.named(&row.row, &row.seeds);
            lines.push(std::iter::once(name).chain(cells).collect());
        }
        Some((head, lines))
    }

    /// All seeds. If cells of a row diverged, the row states its seeds.
    fn seeds(&self) -> &[u64] {
        self.rows.iter().map(|row| &row.seeds[..]).max_by_key(|seeds| seeds.len()).unwrap_or_default()
    }

    /// The name of a row, with its seeds if some are missing.
    fn named(&self, name: &str, seeds: &[u64]) -> String {
        match seeds == self.seeds() {
            true => name.to_owned(),
            false => format!("{name}, seeds {}", listed(seeds)),
        }
    }

    /// The head and lines of one probe's table. Each combination has its accuracy and its gain, below a
    /// row for its untrained network. Combinations with the same untrained network are in one group.
    fn table(&self, kind: ProbeKind) -> (Vec<String>, Vec<Vec<String>>) {
        let layers = self.columns();
        let mut head = vec![format!("{}, accuracy %", kind.title()), "steps".to_owned()];
        head.extend(layers.iter().map(|name| column(name)));
        let line = |name: String, steps: &str, of: &Row, text: &dyn Fn(usize) -> String| -> Vec<String> {
            let place = |layer: &String| of.layers.iter().position(|other| other == layer);
            let values = layers.iter().map(|layer| place(layer).map(text).unwrap_or_default());
            [name, steps.to_owned()].into_iter().chain(values).collect()
        };
        let name = |name: &str, row: &Row| self.named(name, &row.seeds);
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
                let steps = row.steps();
                lines.push(line(name(&row.name, row), &steps, row, &|at| probe.accuracy[at].text()));
                lines.push(line("  gain".to_owned(), "", row, &|at| probe.gain[at].signed()));
            }
        }
        (head, lines)
    }

    /// The layers of all rows: hand-made features, then layers by number, then all layers together.
    pub(super) fn columns(&self) -> Vec<String> {
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

/// The name of a layer's column: layers are numbered; hand-made features have a name.
fn column(layer: &str) -> String {
    match layer {
        "all" => "all layers".to_owned(),
        name if name.parse::<usize>().is_ok() => format!("layer {name}"),
        name => name.to_owned(),
    }
}

/// A text, escaped for LaTeX.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '%' | '&' | '#' | '$' | '_' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '<' => escaped += "\\textless{}",
            '>' => escaped += "\\textgreater{}",
            '|' => escaped += "\\textbar{}",
            '±' => escaped += "$\\pm$",
            '−' => escaped += "$-$",
            '–' => escaped += "--",
            c => escaped.push(c),
        }
    }
    escaped
}

fn listed(seeds: &[u64]) -> String {
    seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl Row {
    /// `128`, or `60–128` if seeds ended at different steps.
    fn steps(&self) -> String {
        match (self.steps.iter().min(), self.steps.iter().max()) {
            (Some(least), Some(most)) if least < most => format!("{least}–{most}"),
            (Some(all), _) => all.to_string(),
            _ => String::new(),
        }
    }
}

impl Spread {
    fn text(&self) -> String {
        match self.std {
            Some(std) => format!("{:.1} ± {std:.1}", self.mean),
            None => format!("{:.1}", self.mean),
        }
    }

    /// `+2.0 [−0.5, +4.5]`.
    fn between(&self) -> String {
        let signed = |value: f64| format!("{value:+.1}").replace('-', "−");
        match self.interval {
            Some([low, high]) => format!("{} [{}, {}]", signed(self.mean), signed(low), signed(high)),
            None => signed(self.mean),
        }
    }

    fn signed(&self) -> String {
        let sign = if self.mean < 0.0 { "" } else { "+" };
        format!("{sign}{}", self.text().replace('-', "−"))
    }
}
