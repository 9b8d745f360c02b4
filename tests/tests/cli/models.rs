//! The trained weights of `models/`: whole, and of use without the photographs that they learned from.

use super::{Place, read};
use plasticity_tests::root;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn models() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("models")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    folders
}

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn every_file_has_its_sum() {
    let folder = root().join("models");
    let sums = String::from_utf8(read(&folder.join("SHA256SUMS"))).unwrap();
    let mut summed = BTreeSet::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let digest = Sha256::digest(read(&folder.join(name)));
        let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sum, "{name}: scripts/model writes the sums");
        summed.insert(folder.join(name));
    }
    let mut all = BTreeSet::new();
    models().iter().for_each(|model| files(model, &mut all));
    assert_eq!(all, summed);
    assert!(all.iter().all(|path| path.metadata().unwrap().len() < 3_000_000), "a few MB in all");
}

/// The config's stimuli, as built-in scenes.
fn scenes(config: &str) -> String {
    let grey = config.contains("grey = true");
    let patch = if config.contains("[stimulus.patch]") { ", patch = { size = 16, stride = 8 }" } else { "" };
    let source = "{ type = \"synthetic\", count = 16, train = 16, test = 16 }";
    format!("stimulus={{ type = \"images\", source = {source}, crop = 64, grey = {grey}{patch} }}")
}

#[test]
fn every_model_gives_finite_features_and_a_report() {
    for model in models() {
        let config = String::from_utf8(read(&model.join("config.toml"))).unwrap();
        let (place, run, scenes) = (Place::new(&config), model.display().to_string(), scenes(&config));
        place.succeed(&["features", &run, "--set", &scenes, "--out", "features.safetensors"]);
        let bytes = read(&place.path("features.safetensors"));
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let layers: Vec<_> = tensors.iter().filter(|(name, _)| name.starts_with("layer")).collect();
        assert!(layers.len() >= 3, "{run}");
        for (name, view) in layers {
            assert_eq!(view.shape()[0], 16);
            let values: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
                .collect();
            assert!(values.iter().all(|value| value.is_finite()), "{run}: {name}");
            assert!(values.iter().any(|value| *value != values[0]), "{run}: {name} does not vary");
        }
        let few = ["--no-audit", "--points", "16", "--stimuli", "16", "--out", "page.html", "--set", &scenes];
        place.succeed(&[&["report", &run], &few[..]].concat());
        // The photographs are not there: the error says which, and how to give others.
        let error = place.fail(&["features", &run, "--out", "photographs.npz"], 1);
        assert!(error.contains("photos/") && error.contains("no such folder"), "{error}");
        assert!(error.contains("--set stimulus.source.path=DIR"), "{error}");
    }
}
