//! Every config in `configs/` can be read, and says what it is for.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_lab::config::Config;
use plasticity_tests as _;
use std::path::{Path, PathBuf};

fn configs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What others extend need not be whole.
            if !path.ends_with("base") {
                configs(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_config_is_read_and_written_back_the_same() {
    let mut found = Vec::new();
    configs(&plasticity_tests::root().join("configs"), &mut found);
    assert!(found.len() >= 15, "only {} configs", found.len());
    for path in found {
        let config = Config::load(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        let text = config.to_toml().unwrap();
        let again = Config::parse(&text, "config.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(again.to_toml().unwrap(), text, "{}", path.display());
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# "), "{}", path.display());
    }
}
