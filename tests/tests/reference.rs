//! Every reference case: loss, representations and gradients, against numbers worked out in float64 elsewhere.
#![allow(clippy::unwrap_used, reason = "a test's helper")]

use plasticity_core::device::Device;
use plasticity_lab::verify;
use std::path::Path;

/// Those that come with development, of all kinds.
fn cases(prefix: &str, at_least: usize) {
    let Some(shared) = plasticity_tests::shared() else { return };
    compare(&shared.join("reference-cases"), prefix, at_least);
}

fn compare(folder: &Path, prefix: &str, at_least: usize) {
    let device = Device::open().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    files.sort();
    assert!(files.len() >= at_least, "only {} cases of {prefix}", files.len());
    let mut failures = Vec::new();
    for file in files {
        match verify::reference(&file, &device) {
            Ok(compared) => {
                assert!(compared.len() >= 4, "{}: nothing to compare", file.display());
                let failed = compared.into_iter().filter(|one| !one.passes());
                failures.extend(failed.map(|one| format!("{}: {one:?}", file.display())));
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Those of `tests/cases/make.py`, which are there on every machine.
#[test]
fn our_own() {
    compare(&plasticity_tests::root().join("tests/cases"), "", 4);
}

#[test]
fn vision() {
    cases("vision_", 13);
}

#[test]
fn audio() {
    cases("audio_", 5);
}

#[test]
fn video() {
    cases("video_", 4);
}

#[test]
fn views() {
    cases("views_", 4);
}
