//! Every config in `configs/` can be read, and says what it is for.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_core::random::stream;
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
