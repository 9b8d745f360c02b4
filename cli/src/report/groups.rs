//! Groups runs that differ only in their seed.

use crate::examined::Examined;
use plasticity_core::Result;
use std::collections::BTreeSet;
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
    let names = match by_rule {
        true => rules,
        false => {
            let first =
                |(_, of): &(Table, Vec<usize>)| of.first().map(|&run| runs[run].loaded.folder.as_path());
            distinct(&kinds.iter().filter_map(first).collect::<Vec<_>>())
        }
    };
    Ok(kinds.into_iter().zip(names).map(|((_, runs), name)| Group { name, runs }).collect())
}

/// The names of folders without the seed and `base`, or with all parts of their paths if the names would not differ.
fn distinct(folders: &[&Path]) -> Vec<String> {
    let short = apart(folders, |part| part != "base" && !is_seed(part));
    let different: BTreeSet<&String> = short.iter().filter(|name| !name.is_empty()).collect();
    if different.len() == folders.len() { short } else { apart(folders, |_| true) }
}

/// The parts of each folder's path that are kept, without those with which all paths begin. A name has at least the last
/// part.
fn apart(folders: &[&Path], keep: fn(&str) -> bool) -> Vec<String> {
    let parts = |folder: &&Path| -> Vec<String> {
        folder.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| keep(part)).collect()
    };
    let all: Vec<Vec<String>> = folders.iter().map(parts).collect();
    let most = all.iter().map(Vec::len).min().unwrap_or(0).saturating_sub(1);
    let shared = (0..most).take_while(|&at| all.iter().all(|parts| parts[at] == all[0][at])).count();
    all.iter().map(|parts| parts[shared..].join("/")).collect()
}

/// Whether a part of a path is that of a seed: `seed-3`.
fn is_seed(part: &str) -> bool {
    let digits = part.strip_prefix("seed-").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
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
    }

    #[test]
    fn groups_have_different_names() {
        let names = |folders: [&str; 2]| distinct(&folders.map(Path::new));
        assert_eq!(names(["all/rate=1/seed-3", "all/rate=2/seed-3"]), ["rate=1", "rate=2"]);
        assert_eq!(names(["all/a/base/seed-1", "all/b/base/seed-1"]), ["a", "b"]);
        assert_eq!(names(["exp/seed-1", "exp/seed-2"]), ["seed-1", "seed-2"]);
        assert_eq!(names(["exp/seed-1-fast", "exp/seed-1-slow"]), ["seed-1-fast", "seed-1-slow"]);
        assert_eq!(names(["seed-1", "other"]), ["seed-1", "other"]);
        assert_eq!(names(["exp/seed-1", "exp/fast/seed-1"]), ["exp", "exp/fast"]);
    }
}
