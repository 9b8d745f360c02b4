//! Groups runs that differ only in their seed.

use crate::examined::Examined;
use plasticity_core::Result;
use std::path::Path;
use toml::Table;

/// Runs with the same config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// A name that distinguishes the group from the others.
    pub name: String,
    /// The numbers of its runs.
    pub runs: Vec<usize>,
}

/// Groups runs that differ only in seed and threads, in the order of the first run of each group.
///
/// # Errors
/// If a config cannot be written as TOML.
pub fn groups(runs: &[Examined]) -> Result<Vec<Group>> {
    let mut kinds: Vec<(Table, Vec<usize>)> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let kind = without_seed(&run.loaded.config().to_toml()?);
        match kinds.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, of)) => of.push(index),
            None => kinds.push((kind, vec![index])),
        }
    }
    let rules: Vec<String> = kinds.iter().map(|(kind, _)| rule(kind)).collect();
    let alone = |name: &String| rules.iter().filter(|other| *other == name).count() == 1;
    let by_rule = rules.iter().all(alone);
    let folders: Vec<Vec<String>> = kinds
        .iter()
        .map(|(_, of)| of.first().map(|&first| words(&runs[first].loaded.folder)).unwrap_or_default())
        .collect();
    let shared = folders.first().map_or(0, |first| {
        (0..first.len()).take_while(|&at| folders.iter().all(|other| other.get(at) == first.get(at))).count()
    });
    let name = |index: usize| match by_rule {
        true => rules[index].clone(),
        false => folders[index].get(shared..).unwrap_or_default().join("/"),
    };
    Ok(kinds
        .iter()
        .enumerate()
        .map(|(index, (_, of))| Group { name: name(index), runs: of.clone() })
        .collect())
}

fn without_seed(config: &str) -> Table {
    let mut table: Table = config.parse().unwrap_or_default();
    table.remove("seed");
    if let Some(training) = table.get_mut("training").and_then(|training| training.as_table_mut()) {
        training.remove("threads");
    }
    table
}

fn rule(config: &Table) -> String {
    let name = config.get("rule").and_then(|rule| rule.get("type")).and_then(|name| name.as_str());
    name.unwrap_or("rule").to_owned()
}

/// The parts of a folder's path, without `base` and the part for the seed.
fn words(folder: &Path) -> Vec<String> {
    let parts = folder.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !part.starts_with("seed-") && part != "base").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_threads_make_no_group_and_a_rate_does() {
        let config = |seed: u64, rest: &str| {
            without_seed(&format!("seed = {seed}\n[rule]\ntype = \"cpc\"\n[training]\n{rest}"))
        };
        assert_eq!(config(1, "batch = 8\nthreads = 1"), config(2, "batch = 8"));
        assert_ne!(config(1, "batch = 8"), config(1, "batch = 9"));
        assert_eq!(rule(&config(1, "")), "cpc");
        assert_eq!(words(Path::new("all/rule=cpc/seed-3")), ["all", "rule=cpc"]);
    }
}
