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
