//! What happens while a run trains: schedules, probes on the way, warnings, an early end, the table of metrics.

use super::{CONFIG, PATIENT, Place, files, program, read};
use serde_json::Value;

/// Everything that looks on or changes rates, at a length that a test can wait for.
fn busy() -> String {
    CONFIG
        .replace("log_every = 1\n", "log_every = 2\nmetrics_csv = true\nlayer_rates = [1, 1, 1, 0.5, 1, 1]\n")
        .replace(
            "[probe]\n",
            "[training.schedule]\nwarm_up = { steps = 2 }\ndecay = { type = \"cosine\", to = 0.1 }\nover = { steps = 9 }\n\
             [probe]\nevery = { steps = 3 }\nevery_stimuli = 16\n",
        )
}

fn lines(place: &Place, path: &str) -> Vec<Value> {
    let text = String::from_utf8(read(&place.path(path))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What must not differ between a run that stopped and one that did not: all but the lock, times and TensorBoard's events.
fn kept(place: &Place, run: &str) -> Vec<(String, Vec<u8>)> {
    let root = place.path(run);
    let name = |path: &std::path::Path| path.strip_prefix(&root).unwrap().display().to_string();
    let all = files(&root).into_iter().map(|(path, bytes, _)| (name(&path), bytes));
    let clocked = |name: &str| name.contains("tfevents") || name == "sessions.jsonl" || name == ".lock";
    all.filter(|(name, _)| !clocked(name) && name != "config.toml" && name != "origins.toml").collect()
}

#[test]
fn a_busy_run_resumes_to_the_same_bits() {
    let place = Place::new(&busy());
    place.succeed(&[
        "train",
        "config.toml",
        "--out",
        "run",
        "--set",
        "training.epochs=3",
        "--set",
        "training.keep=9",
    ]);
    let whole = kept(&place, "run");
    // As if killed after step 5: what was recorded later is there, checkpoints of later steps are not.
    for step in [6, 8, 9] {
        std::fs::remove_file(place.path(&format!("run/checkpoints/step-{step}.safetensors"))).unwrap();
    }
    place.succeed(&["train", "--resume", "run"]);
    for ((name, before), (again, after)) in whole.iter().zip(&kept(&place, "run")) {
        assert!(name == again && before == after, "{name} or {again} differs");
    }
    assert_eq!(whole.len(), kept(&place, "run").len());
    let records = lines(&place, "run/metrics.jsonl");
    let at = |step: u64| records.iter().find(|line| line["step"] == step).unwrap();
    assert!(at(3)["measures"]["probe/layer_6/raw"].is_number());
    assert!(at(2).get("measures").is_none());
    let csv = String::from_utf8(read(&place.path("run/metrics.csv"))).unwrap();
    let steps: Vec<_> = csv.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(steps, ["step", "2", "3", "4", "6", "8", "9"]);
}

/// What looks on changes nothing of what is learned.
#[test]
fn probes_on_the_way_leave_the_weights_as_they_are() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "plain"]);
    let looks = [
        "--set",
        "probe.every={steps=1}",
        "--set",
        "probe.every_stimuli=16",
        "--set",
        "training.patience={loss=9}",
    ];
    place.succeed(&[&["train", "config.toml", "--out", "looked"][..], &looks].concat());
    let last = |run: &str| read(&place.path(&format!("{run}/checkpoints/step-6.safetensors")));
    assert!(last("plain") == last("looked"));
}

#[test]
fn a_probe_that_training_needs_is_checked_before_the_run() {
    let place = Place::new(CONFIG);
    let every = ["train", "config.toml", "--out", "run", "--set", "probe.every={epochs=1}", "--set"];
    for (key, expected) in [
        ("probe.layers=[9]", "there is no layer 9: layers are counted from 1 to 6"),
        ("probe.pooling={blocks=3}", "blocks of 3×3 do not fit a map of "),
        ("probe.neighbours=33", "expected 1 to 32, the number of training stimuli, got 33"),
    ] {
        for more in [&[key][..], &[key, "--dry-run"]] {
            let error = place.fail(&[&every[..], more].concat(), 3);
            assert!(error.contains(key.split('=').next().unwrap()) && error.contains(expected), "{error}");
        }
    }
    assert!(!place.path("run").exists(), "a run was begun");
    let later = ["train", "config.toml", "--dry-run", "--set", "probe.layers=[9]"];
    assert!(place.succeed(&later).contains("trained but not probed: --set probe.layers=[9]: there is no"));
}

#[test]
fn a_checkpoint_stays_if_its_probe_fails() {
    let place = Place::new(CONFIG);
    let best = ["training.keep_best=1", "training.best_by=probe", "probe.rate=1e38"];
    let sets = best.iter().flat_map(|key| ["--set", key]);
    let train: Vec<&str> = ["train", "config.toml", "--out", "run"].into_iter().chain(sets).collect();
    let error = place.fail(&train, 3);
    assert!(error.contains("scores are not finite"), "{error}");
    assert!(place.path("run/checkpoints/step-2.safetensors").is_file());
}

#[test]
fn a_schedule_changes_what_is_learned_and_belongs_to_the_run() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "plain"]);
    let half = "training.schedule={over={steps=1},decay={type=\"linear\",to=0.5}}";
    place.succeed(&["train", "config.toml", "--out", "half", "--set", half]);
    let last = |run: &str| read(&place.path(&format!("{run}/checkpoints/step-6.safetensors")));
    assert!(last("plain") != last("half"));
    let error = place.fail(&["train", "--resume", "plain", "--set", half], 1);
    assert!(error.contains("training.schedule was not set and is {"), "{error}");
    let frozen = "training.schedule={warm_up={epochs=1},over={steps=3},decay={type=\"linear\"}}";
    let error = place.fail(&["train", "config.toml", "--out", "frozen", "--set", frozen], 3);
    assert!(error.contains("`over` counts the warm-up too") && !place.path("frozen").exists(), "{error}");
    // The schedule of a run that goes on is its own, and nobody can mend it.
    let error = place.fail(&["train", "--resume", "plain", "--set", frozen], 1);
    assert!(error.contains("training.schedule was not set and is {"), "{error}");
    let error = place.fail(&["train", "config.toml", "--set", "training.layer_rates=[1,1]"], 3);
    assert!(error.contains("2 factors for 6 layers: give one for each layer"), "{error}");
}

#[test]
fn patience_ends_a_run_which_stays_ended() {
    let place = Place::new(CONFIG);
    let output = place.run(&[&["train", "config.toml", "--out", "run"][..], &PATIENT].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("ended early after step "), "{said}");
    let before = kept(&place, "run");
    let steps = lines(&place, "run/metrics.jsonl").len();
    assert!(steps < 100, "{steps} steps");
    place.succeed(&["train", "--resume", "run"]);
    assert!(before == kept(&place, "run"), "it went on");
    let error =
        place.fail(&["train", "config.toml", "--out", "no", "--set", "training.patience={probe=1}"], 3);
    assert!(error.contains("needs the key `probe.every`"), "{error}");
}

#[test]
fn a_comparison_of_cells_that_end_early_is_done_once() {
    let place = Place::new(CONFIG);
    let compare = [&["compare", "config.toml", "--seeds", "2", "--out", "all"][..], &PATIENT].concat();
    let table = place.succeed(&compare);
    let before = read(&place.path("all/base/seed-3/probe.json"));
    assert_eq!(place.succeed(&compare), table);
    assert_eq!(place.succeed(&[&compare[..], &["--finished"]].concat()), table);
    assert_eq!(read(&place.path("all/base/seed-3/probe.json")), before);
}

#[test]
fn training_ends_with_its_last_line_and_the_next_commands() {
    let place = Place::new(CONFIG);
    let output = place.run(&["train", "config.toml", "--out", "a run", "--set", "probe.every={epochs=1}"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "a run\n");
    assert!(said.contains("step 6/6 ") && said.contains("  raw % "), "{said}");
    assert!(said.contains(&format!("\n  {} probe 'a run'\n", program().display())), "{said}");
}

/// Units with a large negative bias never answer: nothing can be told apart, and nothing moves.
#[test]
fn dead_units_are_warned_of_once() {
    let place = Place::new(CONFIG);
    let killing = ["--set", "training.optimiser.rate=1.0", "--set", "training.epochs=1"];
    let output = place.run(&[&["train", "config.toml", "--out", "run"][..], &killing].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let warned: Vec<_> = lines(&place, "run/warnings.jsonl");
    assert!(warned.iter().any(|line| line["what"].as_str().unwrap().starts_with("dead/layer_")), "{said}");
    assert!(said.contains("% of its units are 0 for every stimulus"), "{said}");
    let mut names: Vec<_> = warned.iter().map(|line| line["what"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
