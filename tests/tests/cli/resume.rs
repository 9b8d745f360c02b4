//! A run that was killed goes on to the same bits as one that never was.

use super::{CONFIG, Place, files, read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Names and contents of what must be the same: checkpoints and metrics.
fn results(place: &Place, run: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(place.path(run).join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([place.path(run).join("metrics.jsonl")])
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect();
    files.sort();
    files
}

/// The step of the newest checkpoint, 0 where there is none.
fn newest(place: &Place, run: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(place.path(run).join("checkpoints")) else { return 0 };
    let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
    entries.flatten().filter_map(|entry| step(entry.file_name().into_string().ok()?)).max().unwrap_or(0)
}

/// Waits until there is a checkpoint of a step after `step`.
fn wait_for_a_checkpoint_after(step: u64, place: &Place, run: &str) {
    let started = Instant::now();
    while newest(place, run) <= step {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A config whose run goes on until it is killed.
fn endless() -> String {
    CONFIG.replace("epochs = 2", "epochs = 1000000")
}

#[test]
fn a_killed_run_resumes_to_the_same_bits() {
    let place = Place::new(&endless());
    let mut arguments = ["train", "config.toml", "--out", "killed"].as_slice();
    for _ in 0..3 {
        let before = newest(&place, "killed");
        let mut child = place.command(arguments).spawn().unwrap();
        wait_for_a_checkpoint_after(before, &place, "killed");
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        arguments = &["train", "--resume", "killed"];
    }
    let steps = format!("training.steps={}", newest(&place, "killed") + 3);
    place.succeed(&["train", "--resume", "killed", "--set", &steps]);
    place.succeed(&["train", "config.toml", "--out", "whole", "--set", &steps]);
    let whole = results(&place, "whole");
    assert!(whole.len() > 1 && whole == results(&place, "killed"), "checkpoints or metrics differ");
}

#[test]
fn records_after_the_last_checkpoint_are_made_again() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let whole = results(&place, "run");
    // As if killed while step 6 was written: its checkpoint is not there, its record is cut short.
    std::fs::remove_file(place.path("run/checkpoints/step-6.safetensors")).unwrap();
    std::fs::write(place.path("run/checkpoints/.step-6.safetensors.partial"), b"cut").unwrap();
    let metrics = read(&place.path("run/metrics.jsonl"));
    std::fs::write(place.path("run/metrics.jsonl"), &metrics[..metrics.len() - 9]).unwrap();
    place.succeed(&["train", "--resume", "run"]);
    let again: Vec<_> = results(&place, "run");
    assert!(whole == again, "checkpoints or metrics differ");
}

#[test]
fn a_finished_run_can_be_trained_for_longer() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "long", "--set", "training.epochs=4"]);
    place.succeed(&["train", "config.toml", "--out", "short"]);
    place.succeed(&["train", "--resume", "short", "--set", "training.epochs=4"]);
    assert!(results(&place, "long") == results(&place, "short"), "checkpoints or metrics differ");
    // More steps than the epochs have are none.
    let output = place.run(&["train", "--resume", "short", "--set", "training.steps=99"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let ends = "training.epochs ends training after 12 steps, before training.steps = 99";
    assert!(said.contains("its 12 steps, and training.epochs ends it") && said.contains(ends), "{said}");
}

#[test]
fn modules_that_take_turns_resume_to_the_same_bits_however_often_they_are_looked_at() {
    let turns = "turns = [{ steps = 1 }, { steps = 1 }, { steps = 1 }, { steps = 1 }, { steps = 1 }, { steps = 1 }]\n\
                 schedule = { decay = { type = \"linear\" } }\n";
    let place = Place::new(&CONFIG.replace("log_every = 1\n", &format!("log_every = 1\n{turns}")));
    place.succeed(&["train", "config.toml", "--out", "whole"]);
    place.succeed(&["train", "config.toml", "--out", "parted", "--set", "training.steps=3"]);
    place.succeed(&["train", "--resume", "parted", "--set", "training.steps=6"]);
    assert!(results(&place, "whole") == results(&place, "parted"), "checkpoints or metrics differ");
    place.succeed(&["train", "config.toml", "--out", "seldom", "--set", "training.log_every=6"]);
    let checkpoint = |run: &str| {
        let path = place.path(run).join("checkpoints/step-6.safetensors");
        plasticity_lab::checkpoint::Checkpoint::load(&path).unwrap().state
    };
    let [whole, seldom] = ["whole", "seldom"].map(checkpoint);
    assert_eq!(whole.optimiser_steps, [1; 6]);
    assert!(whole == seldom, "a loss that is recorded changes what is learned");
}

#[test]
fn a_run_in_a_free_pipeline_counts_each_modules_batches_and_resumes_with_a_warning() {
    let place =
        Place::new(&CONFIG.replace("log_every = 1\n", "log_every = 2\nparallel = \"free_pipeline\"\n"));
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=4"]);
    let output = place.run(&["train", "--resume", "run", "--set", "training.steps=6"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("its bits differ"), "{said}");
    let records = String::from_utf8(read(&place.path("run/metrics.jsonl"))).unwrap();
    let last: serde_json::Value = serde_json::from_str(records.lines().last().unwrap()).unwrap();
    let path = place.path("run/checkpoints/step-6.safetensors");
    let steps = plasticity_lab::checkpoint::Checkpoint::load(&path).unwrap().state.optimiser_steps;
    assert_eq!((steps.len(), steps[0]), (6, 6));
    for (module, steps) in (1..).zip(steps) {
        assert_eq!(last["measures"][format!("steps/module_{module}")], steps as f64, "{last}");
    }
    // What modules have learned from is another thing than in a run that learns from every batch.
    let error = place.fail(&["train", "--resume", "run", "--set", "training.parallel=pipeline"], 1);
    assert!(error.contains("training.parallel"), "{error}");
}

#[test]
fn a_run_that_cannot_go_on_stays_as_it_is() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    // Its metrics know of steps that have no checkpoint any more.
    std::fs::remove_file(place.path("run/checkpoints/step-6.safetensors")).unwrap();
    let files = || [read(&place.path("run/config.toml")), read(&place.path("run/metrics.jsonl"))];
    let before = files();
    let refused = |set: &str, status| place.fail(&["train", "--resume", "run", "--set", set], status);
    let error = refused("stimulus.grey=false", 1);
    assert!(error.starts_with("run/checkpoints/step-4.safetensors: "), "{error}");
    assert!(error.contains("has shape") && error.contains("undo the change"), "{error}");
    refused("rule=gim", 1);
    refused("stimulus.source.count=4", 3);
    assert!(files() == before, "the run was written to");
    place.succeed(&["train", "--resume", "run"]);
    place.succeed(&["probe", "run"]);
}

#[test]
fn a_finished_run_is_not_written_to() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let written = files(&place.path("run"));
    place.succeed(&["train", "--resume", "run"]);
    // But for the time of the lock, which it takes.
    let without_lock = |mut files: Vec<_>| {
        files.retain(|(path, ..): &(PathBuf, _, _)| !path.ends_with(".lock"));
        files
    };
    assert!(without_lock(written) == without_lock(files(&place.path("run"))));
}

#[test]
fn a_finished_run_gets_its_table_when_it_is_asked_for() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    place.succeed(&["train", "--resume", "run", "--set", "training.metrics_csv=true"]);
    let table = String::from_utf8(read(&place.path("run/metrics.csv"))).unwrap();
    assert_eq!(table.lines().count(), 1 + 6, "{table}");
}

#[test]
fn a_dry_run_of_a_run_that_goes_on_does_not_need_what_it_started_from() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "first", "--set", "training.steps=1"]);
    let second = ["train", "config.toml", "--out", "second", "--set", "training.init=first"];
    place.succeed(&[&second[..], &["--set", "training.steps=2"]].concat());
    std::fs::remove_dir_all(place.path("first")).unwrap();
    place.succeed(&["train", "--resume", "second", "--dry-run"]);
    let error = place.fail(&["train", "--resume", "second", "--dry-run", "--set", "seed=4"], 1);
    assert!(error.contains("seed was 3 and is 4 here"), "{error}");
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "one", "--set", "training.threads=1"]);
    place.succeed(&["train", "config.toml", "--out", "three", "--set", "training.threads=3"]);
    assert!(results(&place, "one") == results(&place, "three"), "checkpoints or metrics differ");
}

#[test]
fn a_run_folder_is_one_runs_and_one_processes() {
    let place = Place::new(&endless());
    let mut child = place.command(&["train", "config.toml", "--out", "run"]).spawn().unwrap();
    wait_for_a_checkpoint_after(0, &place, "run");
    let in_use = place.fail(&["train", "--resume", "run"], 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(in_use, "run: is in use by another process: wait for it, or choose another folder");
    assert_eq!(
        place.fail(&["train", "config.toml", "--out", "run"], 1),
        "run: already has a run: resume it with --resume run, or choose another folder"
    );
    let changed =
        place.fail(&["train", "--resume", "run", "--set", "seed=4", "--set", "training.steps=1"], 1);
    assert!(changed.contains("seed was 3 and is 4 here (--set seed=4); undo the change"), "{changed}");
}
