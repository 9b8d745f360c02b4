//! The cells of a comparison: every combination of swept values, with every seed.

use md5::{Digest, Md5};
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
    /// The config.
    pub config: PathBuf,
    /// The config's name, if there are several.
    pub of: Option<String>,
    /// `key=value` of every sweep.
    pub assignments: Vec<String>,
    /// The seed.
    pub seed: u64,
}

impl Cell {
    /// Its name among the cells, without the seed.
    pub fn name(&self) -> String {
        let words: Vec<&str> = self.of.iter().chain(&self.assignments).map(String::as_str).collect();
        if words.is_empty() { "base".to_owned() } else { words.join(" ") }
    }

    /// Its name in a table: an inline table's braces and quotes left out.
    pub fn label(&self) -> String {
        let words: Vec<String> =
            self.of.iter().cloned().chain(self.assignments.iter().map(|text| readable(text))).collect();
        if words.is_empty() { self.name() } else { words.join(" ") }
    }

    /// The overrides that make its config from the common one.
    pub fn overrides(&self) -> Vec<String> {
        self.assignments.iter().cloned().chain([format!("seed={}", self.seed)]).collect()
    }

    /// The folder of all runs of its config.
    pub fn of_config(&self, out: &Path) -> PathBuf {
        self.of.as_ref().map_or(out.to_owned(), |of| out.join(of))
    }

    /// The folder of its run. If the assignments cannot be the name of a folder, the name contains a part of their MD5.
    pub fn folder(&self, out: &Path) -> PathBuf {
        let all = if self.assignments.is_empty() { "base".to_owned() } else { self.assignments.join(" ") };
        let fits = |c: char| c.is_alphanumeric() || "-_.=+".contains(c);
        let mut name: String = all.chars().map(|c| if fits(c) { c } else { '_' }).take(LONGEST).collect();
        if all.chars().count() > LONGEST || self.assignments.iter().any(|one| !one.chars().all(fits)) {
            let hash = Md5::digest(all.as_bytes());
            name += &hash[..4].iter().fold("-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        }
        self.of_config(out).join(name).join(format!("seed-{}", self.seed))
    }
}

/// The largest number of characters in a folder's name: some systems allow 255 bytes.
const LONGEST: usize = 60;

/// Reads `KEY=A,B,C`; a comma inside brackets, braces or quotes (`"` or `'`) does not separate values.
pub fn parse_sweep(text: &str) -> Result<Sweep, String> {
    let (key, values) = text.split_once('=').ok_or("expected KEY=A,B,C, such as rule=cpc,clapp")?;
    let (mut depth, mut quote) = (0i32, None);
    let mut parts = vec![String::new()];
    for c in values.chars() {
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote.is_some() => quote = quote.filter(|open| *open != c),
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
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
        return Err(format!("the value `{}` is given twice", twice.1));
    }
    Ok(Sweep { key: key.trim().to_owned(), values })
}

/// `rule={type="clapp_pp",pool=2}` as `rule=clapp_pp (pool=2)`; other assignments unchanged.
fn readable(assignment: &str) -> String {
    let Some((key, value)) = assignment.split_once('=') else { return assignment.to_owned() };
    let parsed = format!("value = {value}").parse::<toml::Table>().ok();
    let Some(toml::Value::Table(mut table)) = parsed.and_then(|mut table| table.remove("value")) else {
        return assignment.to_owned();
    };
    let plain = |value: &toml::Value| value.to_string().replace(['"', ' '], "");
    let named = ["type", "preset"].into_iter().find_map(|tag| table.remove(tag));
    let options: Vec<String> = table.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    match (named, options.is_empty()) {
        (Some(name), true) => format!("{key}={}", plain(&name)),
        (Some(name), false) => format!("{key}={} ({})", plain(&name), options.join(", ")),
        (None, _) => format!("{key} ({})", options.join(", ")),
    }
}

/// Every combination of every config with every seed. Seeds change fastest, then the last sweep.
///
/// # Errors
/// If two configs have the same name (their runs would have the same folder), or a key is swept twice or is the seed.
pub fn cells(configs: &[PathBuf], sweeps: &[Sweep], seeds: Range<u64>) -> Result<Vec<Cell>, String> {
    if sweeps.iter().any(|sweep| sweep.key == "seed") {
        return Err("use --seeds and --first-seed for seeds, not --sweep".to_owned());
    }
    if let Some((_, twice)) =
        sweeps.iter().enumerate().find(|(i, sweep)| sweeps[..*i].iter().any(|other| other.key == sweep.key))
    {
        return Err(format!("the key `{}` is swept twice: give all its values in one --sweep", twice.key));
    }
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = configs.iter().map(stem).collect();
    if let Some((_, twice)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(format!("two configs have the name `{twice}`: rename one of them"));
    }
    let combinations = combinations(sweeps);
    let mut cells = Vec::new();
    for (config, name) in configs.iter().zip(&names) {
        let of = (configs.len() > 1).then(|| name.clone());
        for assignments in &combinations {
            cells.extend(seeds.clone().map(|seed| Cell {
                config: config.clone(),
                of: of.clone(),
                assignments: assignments.clone(),
                seed,
            }));
        }
    }
    Ok(cells)
}

fn combinations(sweeps: &[Sweep]) -> Vec<Vec<String>> {
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
    combinations
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
        let cells = cells(&["c/small.toml".into()], &sweeps, 5..7).unwrap();
        assert_eq!(cells.len(), 8);
        assert_eq!(cells[2].overrides(), ["rule=cpc", "encoder.modules=\"1\"", "seed=5"]);
        assert_eq!(
            cells[0].folder(Path::new("o")),
            Path::new("o/rule=cpc_encoder.modules=__1_2___3__-8036e522/seed-5")
        );
        assert_eq!(cells[0].label(), "rule=cpc encoder.modules=[[1,2],[3]]");
        assert!(parse_sweep("rule").is_err() && parse_sweep("rule=a,,b").is_err());
        assert_eq!(parse_sweep("rule=a,a").unwrap_err(), "the value `a` is given twice");
        let quoted = parse_sweep(r#"k='a,"b','c',"d'","e,f""#).unwrap();
        assert_eq!(quoted.values, [r#"'a,"b'"#, "'c'", r#""d'""#, r#""e,f""#]);
    }

    #[test]
    fn no_two_cells_share_a_folder() {
        let long = "x".repeat(300);
        let sweep = parse_sweep(&format!("rule.path=a/b,a_b,{long}1,{long}2")).unwrap();
        let cells = cells(&["c.toml".into()], &[sweep], 1..2).unwrap();
        let mut folders: Vec<_> = cells.iter().map(|cell| cell.folder(Path::new("o"))).collect();
        assert!(folders[1].starts_with("o/rule.path=a_b/"));
        assert!(folders.iter().all(|folder| folder.as_os_str().len() < 100));
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), 4);
    }

    #[test]
    fn a_key_is_swept_once_and_the_seed_by_options_of_its_own() {
        let refused = |sweeps: &[&str]| {
            let sweeps: Vec<_> = sweeps.iter().map(|text| parse_sweep(text).unwrap()).collect();
            cells(&["c.toml".into()], &sweeps, 1..2).unwrap_err()
        };
        assert!(refused(&["seed=1,2"]).contains("--first-seed"));
        assert!(refused(&["rule=cpc", "rule=clapp"]).contains("`rule` is swept twice"));
    }

    #[test]
    fn several_configs_are_told_apart_by_their_names() {
        let configs = ["a/lpl.toml".into(), "b/scff.toml".into()];
        let cells = super::cells(&configs, &[], 1..3).unwrap();
        assert_eq!(cells.len(), 4);
        assert_eq!((cells[3].name().as_str(), cells[3].label().as_str()), ("scff", "scff"));
        assert_eq!(cells[3].folder(Path::new("o")), Path::new("o/scff/base/seed-2"));
        let same = ["a/lpl.toml".into(), "b/lpl.toml".into()];
        assert!(super::cells(&same, &[], 1..2).unwrap_err().contains("`lpl`"));
    }

    #[test]
    fn inline_tables_read_well() {
        let label = |text| readable(text);
        assert_eq!(
            label(r#"rule={type="clapp_pp",pool=[8, 4],context="top"}"#),
            "rule=clapp_pp (context=top, pool=[8,4])"
        );
        assert_eq!(label(r#"rule={type="lpl"}"#), "rule=lpl");
        assert_eq!(label("rule=cpc"), "rule=cpc");
        assert_eq!(label("training.checkpoint_every={steps=3}"), "training.checkpoint_every (steps=3)");
        let sweep = parse_sweep(r#"rule={type="clapp_pp",pool=0},random"#).unwrap();
        assert_eq!(sweep.values, [r#"{type="clapp_pp",pool=0}"#, "random"]);
    }
}
