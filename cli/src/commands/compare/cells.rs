//! The cells of a comparison: every combination of swept values, with every seed.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A key and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    key: String,
    values: Vec<String>,
}

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// `key=value` of every sweep.
    pub assignments: Vec<String>,
    /// The seed.
    pub seed: u64,
}

impl Cell {
    /// What tells it from others, but for the seed.
    pub fn name(&self) -> String {
        if self.assignments.is_empty() { "base".to_owned() } else { self.assignments.join(" ") }
    }

    /// Overrides that make its config of the common one.
    pub fn overrides(&self) -> Vec<String> {
        self.assignments.iter().cloned().chain([format!("seed={}", self.seed)]).collect()
    }

    /// The folder of its run.
    pub fn folder(&self, out: &Path) -> PathBuf {
        let fits = |c: char| if c.is_alphanumeric() || "-_.=+".contains(c) { c } else { '_' };
        let name: String = self.name().chars().map(fits).collect();
        out.join(name).join(format!("seed-{}", self.seed))
    }
}

/// Reads `KEY=A,B,C`; a comma inside brackets, braces or quotes parts nothing.
pub fn parse_sweep(text: &str) -> Result<Sweep, String> {
    let (key, values) = text.split_once('=').ok_or("expected KEY=A,B,C, such as rule=cpc,clapp")?;
    let (mut depth, mut in_quotes) = (0i32, false);
    let mut parts = vec![String::new()];
    for c in values.chars() {
        match c {
            '"' => in_quotes = !in_quotes,
            '[' | '{' if !in_quotes => depth += 1,
            ']' | '}' if !in_quotes => depth -= 1,
            ',' if !in_quotes && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let values: Vec<String> = parts.iter().map(|part| part.trim().to_owned()).collect();
    if key.trim().is_empty() || values.iter().any(String::is_empty) {
        return Err("a key or a value is empty".to_owned());
    }
    if let Some(twice) = values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)) {
        return Err(format!("`{}` is given twice", twice.1));
    }
    Ok(Sweep { key: key.trim().to_owned(), values })
}

/// Every combination with every seed; the last sweep changes fastest, seeds faster still.
pub fn cells(sweeps: &[Sweep], seeds: Range<u64>) -> Vec<Cell> {
    let mut combinations = vec![Vec::new()];
    for sweep in sweeps {
        combinations = combinations
            .into_iter()
            .flat_map(|before: Vec<String>| {
                sweep.values.iter().map(move |value| {
                    let mut assignments = before.clone();
                    assignments.push(format!("{}={value}", sweep.key));
                    assignments
                })
            })
            .collect();
    }
    let with_seeds = |assignments: Vec<String>| {
        seeds.clone().map(move |seed| Cell { assignments: assignments.clone(), seed })
    };
    combinations.into_iter().flat_map(with_seeds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_all_combinations() {
        let sweeps = [
            parse_sweep("rule=cpc,clapp").unwrap(),
            parse_sweep("encoder.modules=[[1,2],[3]],\"1\"").unwrap(),
        ];
        let cells = cells(&sweeps, 5..7);
        assert_eq!(cells.len(), 8);
        assert_eq!(cells[2].overrides(), ["rule=cpc", "encoder.modules=\"1\"", "seed=5"]);
        assert_eq!(
            cells[0].folder(Path::new("o")),
            Path::new("o/rule=cpc_encoder.modules=__1_2___3__/seed-5")
        );
        assert!(parse_sweep("rule").is_err() && parse_sweep("rule=a,,b").is_err());
        assert_eq!(parse_sweep("rule=a,a").unwrap_err(), "`a` is given twice");
    }
}
