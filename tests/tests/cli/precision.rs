//! What `training.precision` does to a run on the CPU.

use super::{CONFIG, Place, read};
use plasticity_core::device::ON_GPU;

/// The losses of a run at a precision, with so many threads.
fn losses(place: &Place, precision: &str, threads: u32) -> Vec<f64> {
    let out = format!("{precision}-{threads}");
    let precision = format!("training.precision={precision}");
    let threads = format!("training.threads={threads}");
    place.succeed(&["train", "config.toml", "--set", &precision, "--set", &threads, "--out", &out]);
    let text = String::from_utf8(read(&place.path(&out).join("metrics.jsonl"))).unwrap();
    let losses = text.lines().flat_map(|line| {
        let step: serde_json::Value = serde_json::from_str(line).unwrap();
        step["loss"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect::<Vec<_>>()
    });
    losses.collect()
}

#[test]
fn verify_shows_the_errors_of_a_precision_and_judges_those_of_f32() {
    if ON_GPU {
        return;
    }
    let place = Place::new(CONFIG);
    let errors = |precision: &str| {
        let printed =
            place.succeed(&["verify", "config.toml", "--steps", "1", "--precision", precision, "--json"]);
        let reports: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let tensors =
            reports.as_array().unwrap().iter().flat_map(|report| report["tensors"].as_array().unwrap());
        tensors.map(|tensor| tensor["relative_error"].as_f64().unwrap()).fold(0.0, f64::max)
    };
    let (single, half) = (errors("f32"), errors("bf16"));
    assert!(single < 1e-4 && half > 1e-4 && half < 0.1, "{single} {half}");
}

#[test]
fn a_probe_or_an_alignment_at_another_precision_or_start_is_not_saved() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=2"]);
    for command in ["probe", "alignment"] {
        place.succeed(&[command, "run"]);
        let saved = || read(&place.path(&format!("run/{command}.json")));
        let own = saved();
        for set in ["training.precision=bf16", "training.init=run"] {
            let output = place.run(&[command, "run", "--set", set]);
            let said = String::from_utf8(output.stderr).unwrap();
            let expected = format!("{command}.json is not changed");
            assert!(output.status.success() && said.contains(&expected), "{set}: {said}");
            assert_eq!(saved(), own, "{command} {set}");
        }
    }
}

/// The family of kernels that the environment names is the run's, is in its record, and is missed where another goes on.
#[test]
fn a_run_names_the_family_of_its_kernels_and_another_that_goes_on() {
    if ON_GPU {
        return;
    }
    let place = Place::new(CONFIG);
    let train = |family: &str, arguments: &[&str]| {
        let mut command = place.command(&["train"]);
        let output = command.args(arguments).env("PLASTICITY_BF16", family).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let start =
        ["config.toml", "--set", "training.precision=bf16", "--set", "training.steps=2", "--out", "run"];
    let (done, said) = train("plain", &start);
    assert!(done, "{said}");
    let sessions = String::from_utf8(read(&place.path("run/sessions.jsonl"))).unwrap();
    assert!(sessions.contains("bf16: plain sums"), "{sessions}");
    let (done, said) = train("rounded", &["--resume", "run", "--set", "training.steps=4"]);
    assert!(done && said.contains("rounded operands, f32 kernels, before"), "{said}");
    let (done, said) = train("vnni", &["--resume", "run", "--set", "training.steps=6"]);
    assert!(!done && said.contains("PLASTICITY_BF16: expected one of amx, avx512, plain, rounded"), "{said}");
}

#[test]
fn rounded_operands_move_a_run_a_little_and_repeat_for_any_number_of_threads() {
    if ON_GPU {
        return; // Bits do not repeat there.
    }
    let place = Place::new(CONFIG);
    let (exact, rounded) = (losses(&place, "f32", 1), losses(&place, "bf16", 1));
    assert_eq!(rounded, losses(&place, "bf16", 2));
    assert_eq!(exact.len(), rounded.len());
    assert_ne!(exact, rounded);
    for (exact, rounded) in exact.iter().zip(&rounded) {
        assert!((exact - rounded).abs() < 0.05 * exact.abs(), "{exact} and {rounded}");
    }
}
