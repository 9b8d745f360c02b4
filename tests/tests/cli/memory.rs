//! What a config or a case asks for is summed before anything is drawn, and refused where it is more than there is.

use super::{CONFIG, Place, read};
use std::process::Output;

/// Runs with so many kB of address space.
#[cfg(target_os = "linux")]
fn limited(place: &Place, kib: u64, arguments: &[&str]) -> Output {
    let script = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]).arg(super::program()).args(arguments);
    command.current_dir(place.path(".")).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn too_much_is_refused_with_what_it_would_need_and_what_there_is() {
    let place = Place::new(CONFIG);
    // Three layers of 3000 · 3000 · 9 weights and their rules have 1.6 GiB of weights, and Adam keeps twice as much again.
    let wide =
        ["train", "config.toml", "--out", "run", "--set", "encoder.widths=[64,64,3000,3000,3000,3000]"];
    let output = limited(&place, 2_000_000, &wide);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in [
        "error: memory: ",
        "GiB (",
        "weights ",
        "needs at least",
        "ulimit -v",
        "training.batch",
        "encoder.widths",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!place.path("run").exists());
}

/// Layers whose weights alone are 4 GiB, in a file of kB: were they drawn before the file's own are looked at, this would take
/// half a minute.
#[test]
fn a_case_is_compared_with_its_network_before_weights_are_drawn() {
    let case = read(&plasticity_tests::root().join("tests/cases/clapp.safetensors"));
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&case).unwrap();
    let text = metadata.metadata().as_ref().unwrap()["case"].clone();
    let mut described: serde_json::Value = serde_json::from_str(&text).unwrap();
    let layers = described["layers"].as_array_mut().unwrap();
    layers.iter_mut().for_each(|layer| layer["out"] = 10_000.into());
    let tensors = safetensors::SafeTensors::deserialize(&case).unwrap();
    let metadata = std::collections::HashMap::from([("case".to_owned(), described.to_string())]);
    let place = Place::new(CONFIG);
    let made = safetensors::serialize(tensors.tensors(), Some(metadata)).unwrap();
    std::fs::write(place.path("wide.safetensors"), made).unwrap();
    let error = place.fail(&["verify", "--reference", "wide.safetensors"], 1);
    assert!(error.contains("has shape ") && error.contains("expected [10000, "), "{header}: {error}");
}

#[test]
fn a_dry_run_prints_what_would_be_needed_beside_what_there_is() {
    let text = Place::new(CONFIG).succeed(&["train", "config.toml", "--dry-run"]);
    for part in [
        "memory: at least ",
        "weights ",
        "maps of the largest module ",
        "scores of the rule's pairs ",
        "batches made ahead ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("memory for the probe: at least ") && text.contains("(features "), "{text}");
    if cfg!(target_os = "linux") {
        assert!(text.contains("available memory: "), "{text}");
    }
}

#[test]
fn a_thousand_threads_are_quick() {
    let place = Place::new(CONFIG);
    place.succeed(&[
        "train",
        "config.toml",
        "--out",
        "run",
        "--set",
        "training.threads=1024",
        "--set",
        "training.steps=1",
    ]);
}

#[test]
fn a_dry_run_says_what_there_would_be_and_writes_nothing() {
    let place = Place::new(CONFIG);
    let text = place.succeed(&["train", "config.toml", "--out", "run", "--dry-run"]);
    for part in [
        "| 1 ",
        "4 × 1 ×",
        "3 steps in an epoch, 6 in total",
        "memory: at least",
        "stimuli to learn from: 24",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let piped = [
        "train",
        "config.toml",
        "--out",
        "run",
        "--set",
        "rule=hinge_cpc",
        "--set",
        "training.parallel=pipeline",
    ];
    for error in [place.fail(&piped, 3), place.fail(&[&piped[..], &["--dry-run"]].concat(), 3)] {
        assert!(error.contains("a pipeline needs several modules"), "{error}");
    }
    assert!(!place.path("run").exists());
}
