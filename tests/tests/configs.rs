//! Every config in `configs/` can be read, and says what it is for.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_core::random::stream;
use plasticity_lab::config::{Config, Document};
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

#[test]
fn defaults_beside_an_overridden_key_are_those_of_the_final_rule() {
    let read = |overrides: [&str; 2]| {
        let document = Document::parse(plasticity_tests::SCENES, "config.toml").unwrap();
        let document = document.overridden(&overrides.map(str::to_owned)).unwrap();
        Config::from_document(document).unwrap().to_toml().unwrap()
    };
    let keys_first = read(["rule.score.initial=0.5", "rule=clapp"]);
    assert_eq!(keys_first, read(["rule=clapp", "rule.score.initial=0.5"]));
    assert!(keys_first.contains("transport = \"retrodiction\""), "{keys_first}");
}

/// Patches of 4, 8 and 16 pixels that overlap by half are 31, 15 and 7 along a side of 64.
#[test]
fn patches_grow_from_one_pair_of_modules_to_the_next() {
    let path = plasticity_tests::root().join("configs/vision/small_clapp_s_growing.toml");
    let config = Config::load(&path, &[]).unwrap();
    let device = Device::open().unwrap();
    let mut map = MapShape { time: 31, location: 31, batch: 1, extent: [1, 4, 4], channels: 1 };
    let mut patches = Vec::new();
    for layer in &config.encoder.layers {
        map = layer.build(map, &device, &mut stream(1, &[])).unwrap().output(map).unwrap();
        patches.push((map.time, map.location, map.extent[2]));
    }
    assert_eq!(patches, [(31, 31, 4), (31, 31, 2), (15, 15, 4), (15, 15, 2), (7, 7, 2), (7, 7, 1)]);
}

/// Without these keys, pixels get the mean and the deviation of STL-10.
#[test]
fn published_configs_for_cifar10_name_a_mean_and_a_deviation() {
    let folder = plasticity_tests::root().join("configs/published");
    for name in ["lpl", "scff", "softhebb"] {
        let document = Document::read(&folder.join(format!("{name}_cifar10.toml"))).unwrap();
        let stimulus = &document.table()["stimulus"];
        assert!(["mean", "std"].iter().all(|key| stimulus.get(key).is_some()), "{name}");
    }
}

#[test]
fn a_small_config_without_the_common_base_has_the_same_probe() {
    let probe = |name: &str| {
        let path = plasticity_tests::root().join("configs/vision").join(name);
        format!("{:?}", Config::load(&path, &[]).unwrap().probe)
    };
    assert_eq!(probe("small_clapp_s_growing.toml"), probe("small_clapp_s.toml"));
}

/// The folders of all stored cells.
fn cells(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("probe.json").exists() {
        found.push(folder.to_owned());
    }
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|entry| entry.is_dir()).for_each(|entry| cells(&entry, found));
}

/// `compare` takes a cell of `docs/runs` only if its probe has the fingerprint of its config.
#[test]
fn every_stored_cell_is_that_of_its_config() {
    let mut found = Vec::new();
    cells(&plasticity_tests::root().join("docs/runs"), &mut found);
    assert!(found.len() > 30, "{found:?}");
    for cell in found {
        let config = Config::load(&cell.join("config.toml"), &[]).unwrap();
        let report = std::fs::read_to_string(cell.join("probe.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        // Earlier builds name it `readout`.
        let stored = report.get("fingerprint").or(report.get("readout")).unwrap();
        assert_eq!(*stored, config.probe_fingerprint().unwrap(), "{}", cell.display());
    }
}
