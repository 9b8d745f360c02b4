//! `origins.toml`: where each key of a run's config comes from. It is only information for people.

use super::folder::{CONFIG, ORIGINS};
use crate::files::write_atomically;
use plasticity_core::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

const HEAD: &str = "# The origin of each key of config.toml: file and line, override, or default.\n";

/// Writes the origins into a run's folder, if they differ from the file there. Unchanged keys of a
/// resumed run come from its own config; they keep their earlier origins.
pub(super) fn write(folder: &Path, mut origins: BTreeMap<String, String>) -> Result<()> {
    let path = folder.join(ORIGINS);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let earlier: BTreeMap<String, String> = toml::from_str(&written).unwrap_or_default();
    let own = format!("{}:", folder.join(CONFIG).display());
    for (key, origin) in &mut origins {
        if let Some(earlier) = earlier.get(key).filter(|_| origin.starts_with(&own)) {
            origin.clone_from(earlier);
        }
    }
    let text = toml::to_string(&origins).map_err(|error| Error::file(&path, error))?;
    let text = format!("{HEAD}{text}");
    if text == written { Ok(()) } else { write_atomically(&path, text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_keeps_the_origins_that_its_keys_had() {
        let folder = tempfile::tempdir().unwrap();
        let own = |line: u32| format!("{}:{line}", folder.path().join(CONFIG).display());
        let origins = |pairs: &[(&str, String)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, origin)| ((*key).to_owned(), origin.clone())).collect()
        };
        let (base, set) = ("base.toml:3".to_owned(), "--set training.epochs=4".to_owned());
        write(folder.path(), origins(&[("seed", base.clone()), ("training.epochs", base.clone())])).unwrap();
        write(
            folder.path(),
            origins(&[("seed", own(1)), ("training.epochs", set.clone()), ("rule.new", own(9))]),
        )
        .unwrap();
        let text = std::fs::read_to_string(folder.path().join(ORIGINS)).unwrap();
        let found: BTreeMap<String, String> = toml::from_str(&text).unwrap();
        assert_eq!(found, origins(&[("seed", base), ("training.epochs", set), ("rule.new", own(9))]));
    }
}
