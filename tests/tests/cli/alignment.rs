//! What `alignment` measures and reports.

use super::{CONFIG, Place, read};
use serde_json::Value;

/// A small network of CLAPP++ on two views of built-in scenes, which keeps all its checkpoints.
fn place() -> Place {
    let config = CONFIG
        .replace("patch = { size = 16, stride = 8 }", "crop = 32\ngrey = false\nviews = 2")
        .replace("\"clapp_s\"", "\"clapp_pp\"\npool = [4, 4, 4, 2, 2, 1]")
        .replace("log_every = 1", "log_every = 1\nkeep = 9");
    Place::new(&config)
}

/// The steps, and every stage's angles in degrees.
fn stages(report: &Value) -> (Vec<u64>, Vec<Vec<f64>>) {
    let stages = report.as_array().unwrap();
    let angles = |stage: &Value| -> Vec<f64> {
        stage["layers"].as_array().unwrap().iter().map(|layer| layer["degrees"].as_f64().unwrap()).collect()
    };
    (
        stages.iter().map(|stage| stage["step"].as_u64().unwrap()).collect(),
        stages.iter().map(angles).collect(),
    )
}

#[test]
fn a_run_is_measured_at_the_start_and_at_its_checkpoints() {
    let place = place();
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let text = place.succeed(&["alignment", "run"]);
    assert!(text.starts_with("| layer | start, ° | step 2, ° | step 4, ° | step 6, ° |"), "{text}");
    assert_eq!(text.lines().count(), 8);
    let written: Value = serde_json::from_slice(&read(&place.path("run/alignment.json"))).unwrap();
    let (steps, angles) = stages(&written);
    assert_eq!(steps, [0, 2, 4, 6]);
    for layers in &angles {
        assert_eq!((layers.len(), layers[5]), (6, 0.0), "the top layer's update is backpropagation's");
        assert!(layers[..5].iter().all(|angle| *angle > 0.1 && *angle < 180.0), "{layers:?}");
    }
    assert_ne!(angles[0], angles[3]);

    // The same training by the config alone comes to the same angles.
    let printed = place.succeed(&["alignment", "config.toml", "--steps", "6,2", "--json"]);
    let (steps, of_config) = stages(&serde_json::from_str(&printed).unwrap());
    assert_eq!(steps, [0, 2, 6]);
    assert_eq!(of_config, [angles[0].clone(), angles[1].clone(), angles[3].clone()]);
}

#[test]
fn training_that_diverges_is_an_error_and_no_angle() {
    let place = place();
    let fast = "training.optimiser={type=\"sgd\",rate=1e30}";
    let arguments = ["alignment", "config.toml", "--steps", "1,6", "--set", fast];
    let error = place.fail(&arguments, 4);
    assert!(
        error.starts_with("step ") && error.contains("not finite: start a new run with a lower"),
        "{error}"
    );
    let output = place.run(&arguments);
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("| layer | start, ° |"),
        "what is known is said"
    );
}

#[test]
fn what_cannot_be_measured_is_said() {
    let place = place();
    let table = place.succeed(&["alignment", "config.toml", "--set", "rule={type=\"random\"}"]);
    assert!(table.lines().skip(2).all(|row| row.trim_end().ends_with("– |")), "{table}");
    let error = place.fail(&["alignment", "config.toml", "--steps", "2,7"], 3);
    assert!(
        error.starts_with("--steps: names step 7, but the config's training ends after 6 steps"),
        "{error}"
    );
    assert!(place.fail(&["alignment", "missing.toml"], 1).contains("there is no such config file"));
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=2"]);
    assert!(place.fail(&["alignment", "run", "--steps", "3"], 3).contains("training.keep"));
}

#[test]
fn a_damaged_checkpoint_of_a_run_is_passed_over() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let last = place.path("run/checkpoints/step-6.safetensors");
    let bytes = super::read(&last);
    std::fs::write(&last, &bytes[..bytes.len() - 9]).unwrap();
    let output = place.run(&["alignment", "run"]);
    let (said, table) =
        (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(
        output.status.success() && said.contains("step-6") && said.contains("this checkpoint is skipped"),
        "{said}"
    );
    assert!(table.contains("step 4, °") && !table.contains("step 6, °"), "{table}");
}
