//! Nothing of a run is lost, and nothing wrong with it goes unsaid.

use super::{CONFIG, Place, files, program, read};
use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_lab::checkpoint::Checkpoint;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_tests::root;
use std::path::Path;
use std::process::Output;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A run of 6 steps with checkpoints of steps 4 and 6.
fn trained() -> Place {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    place
}

const LAST: &str = "run/checkpoints/step-6.safetensors";

fn change(path: &Path, from: &str, to: &str) {
    let bytes = read(path);
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let changed = [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat();
    std::fs::write(path, changed).unwrap();
}

fn flip_last_byte(path: &Path) {
    let mut bytes = read(path);
    *bytes.last_mut().unwrap() ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

/// ‖a − b‖ / ‖b‖.
fn apart(a: &[f32], b: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut b.iter().map(|b| f64::from(*b))).max(f64::MIN_POSITIVE)
}

/// What the earlier program made of the same four steps, on an AVX2 processor. Another processor sums in another order; four
/// steps move the weights by some hundredths of their length, so that a run that began anew would be far outside.
#[test]
fn a_run_of_an_earlier_version_goes_on_to_what_it_made() {
    let old = root().join("tests/data/old-run");
    let place = Place::new(CONFIG);
    std::fs::create_dir_all(place.path("run/checkpoints")).unwrap();
    for file in ["config.toml", "metrics.jsonl", "checkpoints/step-4.safetensors"] {
        std::fs::copy(old.join(file), place.path("run").join(file)).unwrap();
    }
    place.succeed(&["train", "--resume", "run", "--set", "training.steps=8"]);
    let losses = |path: &Path| -> Vec<f32> {
        let text = String::from_utf8(read(path)).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let of = |record: serde_json::Value| -> Vec<f32> {
            serde_json::from_value(record["loss"].clone()).unwrap()
        };
        records.flat_map(of).collect()
    };
    let (ours, made) =
        (losses(&place.path("run/metrics.jsonl")), losses(&old.join("expected-metrics.jsonl")));
    assert!(ours.len() == made.len() && apart(&ours, &made) < 1e-3, "{ours:?} {made:?}");
    let state = |path: &Path| Checkpoint::load(path).unwrap().state;
    let ours = state(&place.path("run/checkpoints/step-8.safetensors"));
    let made = state(&old.join("expected-step-8.safetensors"));
    assert!(ours.tensors.keys().eq(made.tensors.keys()) && ours.optimiser_steps == made.optimiser_steps);
    for (name, made) in &made.tensors {
        let bound = if name.starts_with("optimiser") { 1e-2 } else { 1e-3 };
        let found = apart(&ours.tensors[name].values, &made.values);
        assert!(found < bound, "{name}: {found:e}");
    }
}

#[test]
fn a_checkpoint_of_before_a_key_had_a_default_is_of_the_same_run() {
    let old = root().join("tests/data/old-run");
    let place = Place::new(CONFIG);
    std::fs::create_dir_all(place.path("run/checkpoints")).unwrap();
    // As an earlier program wrote it, which had not the key `skip` yet: its fingerprint is over the others.
    let config = String::from_utf8(read(&old.join("config.toml"))).unwrap().replace("skip = 1\n", "");
    std::fs::write(place.path("run/config.toml"), &config).unwrap();
    let mut checkpoint = Checkpoint::load(&old.join("checkpoints/step-4.safetensors")).unwrap();
    let mut keys: toml::Table = config.parse().unwrap();
    keys.retain(|key, _| ["seed", "encoder", "rule", "training"].contains(&key));
    keys["training"].as_table_mut().unwrap().retain(|key, _| ["batch", "optimiser"].contains(&key));
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    checkpoint.fingerprint = format!("{:016x}", keys.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
    checkpoint.save(&place.path("run/checkpoints/step-4.safetensors")).unwrap();
    place.succeed(&["train", "--resume", "run", "--set", "training.steps=8"]);
    let changed =
        ["train", "--resume", "run", "--set", "training.steps=8", "--set", "rule.prediction_steps=4"];
    assert!(place.fail(&changed, 1).contains("rule.prediction_steps was 5 and is 4 here"));
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used() {
    let whole = read(&trained().path(LAST));
    type Damage<'a> = &'a dyn Fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("its checksum does not match its content", &flip_last_byte),
        ("checksum", &|path| change(path, "\\\"step\\\":6", "\\\"step\\\":3")),
        ("is incomplete", &|path| std::fs::write(path, &read(path)[..200]).unwrap()),
    ];
    for (expected, damage) in damages {
        let place = trained();
        damage(&place.path(LAST));
        let damaged = read(&place.path(LAST));
        let output = place.run(&["train", "--resume", "run"]);
        assert!(output.status.success() && said(&output).contains(expected), "{}", said(&output));
        assert_eq!(read(&place.path(LAST)), whole, "{expected}");
        assert_eq!(read(&place.path(&format!("{LAST}.broken"))), damaged);
    }
}

#[test]
fn a_later_format_or_a_file_that_cannot_be_read_stops_and_stays() {
    let place = trained();
    change(&place.path(LAST), "\\\"format\\\":1", "\\\"format\\\":2");
    let before = files(&place.path("run/checkpoints"));
    let error = place.fail(&["train", "--resume", "run", "--set", "training.steps=7"], 1);
    assert!(error.contains("has format 2"), "{error}");
    assert!(before == files(&place.path("run/checkpoints")));
    // A folder in its place cannot be read as a file, whoever asks.
    std::fs::remove_file(place.path(LAST)).unwrap();
    std::fs::create_dir(place.path(LAST)).unwrap();
    let error = place.fail(&["train", "--resume", "run"], 1);
    assert!(error.contains("cannot be read") && place.path(LAST).is_dir(), "{error}");
}

#[test]
fn fewer_steps_than_made_are_refused_and_a_run_without_checkpoints_says_that_it_starts_over() {
    let place = trained();
    let before = files(&place.path("run/checkpoints"));
    let error = place.fail(&["train", "--resume", "run", "--set", "training.steps=5"], 3);
    assert!(error.contains("gives 5 steps") && error.contains("has already made 6"), "{error}");
    assert!(before == files(&place.path("run/checkpoints")));
    let metrics = read(&place.path("run/metrics.jsonl"));
    std::fs::remove_dir_all(place.path("run/checkpoints")).unwrap();
    let output = place.run(&["train", "--resume", "run"]);
    assert!(
        output.status.success() && said(&output).contains("its 6 earlier records are kept"),
        "{}",
        said(&output)
    );
    assert_eq!(read(&place.path("run/metrics.jsonl.before")), metrics);
    assert_eq!(read(&place.path("run/metrics.jsonl")), metrics, "made again");
}

#[test]
fn other_data_or_another_processor_is_said_once_and_recorded() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=4"]);
    let more = ["train", "--resume", "run", "--set", "stimulus.source.count=32", "--set", "training.steps=6"];
    let output = place.run(&more);
    let warned = said(&output).lines().filter(|line| line.contains("the stimuli have changed")).count();
    assert_eq!((output.status.success(), warned), (true, 1), "{}", said(&output));
    let sessions = String::from_utf8(read(&place.path("run/sessions.jsonl"))).unwrap();
    let sessions: Vec<serde_json::Value> =
        sessions.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((sessions[0]["from"].as_u64(), sessions[1]["from"].as_u64()), (Some(0), Some(4)));
    assert!(sessions[0]["changed"].is_null() && sessions[1]["changed"].is_string());
}

#[cfg(target_os = "linux")]
/// Whether this process ignores a signal since its start, as under `nohup`, or as SIGINT in the background of a script.
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (number - 1)) != 0)
}

#[test]
fn a_signal_saves_the_step_and_says_how_to_go_on() {
    for (signal, number) in
        [("-TERM", 15), ("-INT", 2), ("-HUP", 1), ("-USR1", 10), ("-USR2", 12), ("-XCPU", 24)]
    {
        if is_ignored(number) {
            println!("{signal} is left out: this process ignores it, and so does what it starts");
            continue;
        }
        let place =
            Place::new(&CONFIG.replace("epochs = 2", "epochs = 100000").replace("steps = 2", "minutes = 9"));
        let mut command = place.command(&["train", "config.toml", "--out", "a run"]);
        let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let metrics = place.path("a run/metrics.jsonl");
        while std::fs::metadata(&metrics).map_or(0, |found| found.len()) == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + number), "{}", said(&output));
        let resume = format!("{} train --resume 'a run'", program().display());
        assert!(said(&output).contains(&resume), "{}", said(&output));
        let steps = String::from_utf8(read(&metrics)).unwrap().lines().count();
        assert!(place.path(&format!("a run/checkpoints/step-{steps}.safetensors")).is_file());
    }
}

#[test]
fn what_a_killed_process_left_is_removed_from_the_run_and_its_checkpoints() {
    let place = trained();
    for left in ["run/.config.toml.9.0.partial", "run/checkpoints/.step-8.safetensors.9.0.partial"] {
        std::fs::write(place.path(left), "cut").unwrap();
        place.succeed(&["train", "--resume", "run"]);
        assert!(!place.path(left).exists());
    }
}

#[test]
fn a_new_run_starts_from_anothers_weights() {
    let place = trained();
    let start = ["train", "config.toml", "--set", "training.init=run", "--set", "rule=random"];
    place.succeed(&[&start[..], &["--out", "all"]].concat());
    let state = |path: &str| Checkpoint::load(&place.path(path)).unwrap().state;
    let (from, all) = (state(LAST), state("all/checkpoints/step-0.safetensors"));
    assert_eq!(all.tensors["layer.2.weight"], from.tensors["layer.2.weight"]);
    place.succeed(&[&start[..], &["--out", "some", "--set", "training.init_layers=[1, 3]"]].concat());
    let some = state("some/checkpoints/step-0.safetensors");
    assert_eq!(some.tensors["layer.2.weight"], from.tensors["layer.2.weight"]);
    assert_ne!(some.tensors["layer.1.weight"], from.tensors["layer.1.weight"]);
    let wider = [&start[..], &["--out", "wide", "--set", "encoder.widths=[8, 4, 4, 8, 8, 8]"]].concat();
    let error = place.fail(&wider, 3);
    assert!(error.starts_with("--set training.init=run: ") && error.contains("layer 1 needs"), "{error}");
}

#[test]
fn a_divergence_names_the_rule_the_step_and_the_way_on() {
    let place = trained();
    let fast = ["train", "--resume", "run", "--set", "training.epochs=9"];
    // Weights that are finite and overflow in the next step.
    let mut checkpoint = Checkpoint::load(&place.path(LAST)).unwrap();
    checkpoint.state.tensors.values_mut().for_each(|saved| saved.values.fill(1e30));
    checkpoint.save(&place.path(LAST)).unwrap();
    let error = place.fail(&fast, 4);
    for word in
        ["step 7, module 1 (layer 1), rule `clapp_s`", "training.init=run/checkpoints/step-6.safetensors"]
    {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_an_error() {
    let place = Place::new(CONFIG);
    // No address space has room for such a stack.
    let mut command = place.command(&["train", "config.toml", "--out", "run"]);
    let output = command.env("RUST_MIN_STACK", (1u64 << 47).to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("no thread can be started") && !said(&output).contains("panicked"));
}

#[test]
fn observers_of_a_config_keep_their_measures_also_in_a_run_that_goes_on() {
    let observed = format!("{CONFIG}\n[[observers]]\ntype = \"norms\"\nevery = 2\n");
    let place = Place::new(&observed);
    place.succeed(&["train", "config.toml", "--out", "whole"]);
    place.succeed(&["train", "config.toml", "--out", "parts", "--set", "training.steps=4"]);
    place.succeed(&["train", "--resume", "parts", "--set", "training.steps=6"]);
    let measures =
        |run: &str| String::from_utf8(read(&place.path(&format!("{run}/measures.jsonl")))).unwrap();
    assert_eq!(measures("whole"), measures("parts"));
    let last: serde_json::Value = serde_json::from_str(measures("whole").lines().last().unwrap()).unwrap();
    assert_eq!((last["step"].as_u64(), last["observer"].as_str()), (Some(6), Some("1.norms")));
    let error = place.fail(&["train", "config.toml", "--out", "x", "--set", "observers.0.every=0"], 3);
    assert!(error.starts_with("--set observers.0.every=0: expected "), "{error}");
    let wrong = place.fail(&["train", "config.toml", "--out", "x", "--set", "observers.0.type=norm"], 3);
    assert!(wrong.contains("unknown observer `norm`: did you mean `norms`?"), "{wrong}");
}

#[test]
fn a_state_that_does_not_fit_moves_nothing() {
    let network = |seed: &str| {
        let config = Config::parse(&CONFIG.replace("seed = 3", seed), "here").unwrap();
        Experiment::open(config).unwrap().network(&Device::open().unwrap()).unwrap()
    };
    let (mut ours, mut other) = (network("seed = 3"), network("seed = 4"));
    let before = ours.state().unwrap();
    // What is too many is found out last.
    let mut state = other.state().unwrap();
    let (_, saved) = state.tensors.first_key_value().unwrap();
    state.tensors.insert("zzz".to_owned(), saved.clone());
    assert!(ours.restore(&state).unwrap_err().to_string().contains("belongs to another network"));
    assert!(ours.state().unwrap() == before, "weights have moved");
    state.tensors.remove("zzz");
    ours.restore(&state).unwrap();
    assert!(ours.state().unwrap() == state);
}

#[test]
fn a_network_made_by_hand_is_refused_where_its_rule_does_not_suit_the_stimuli() {
    for (rule, expected) in [("supervised", "needs labels"), ("clapp_pp", "needs 2 views")] {
        let config = Config::parse(&CONFIG.replace("clapp_s", rule), "here").unwrap();
        let plan = NetworkPlan {
            layers: &config.encoder.layers,
            modules: &config.modules().unwrap(),
            rule: config.rule.as_ref(),
            optimiser: config.training.optimiser,
            module_rates: None,
            input: MapShape { time: 1, location: 1, batch: 3, extent: [1, 16, 16], channels: 1 },
            classes: None,
            seed: 3,
        };
        let error = Network::build(&plan, &Device::open().unwrap()).err().unwrap().to_string();
        assert!(error.contains(expected), "{rule}: {error}");
    }
}

#[test]
fn the_best_checkpoints_by_loss_or_probe_are_kept_also_when_the_run_goes_on() {
    let best = [
        "--set",
        "training.keep=1",
        "--set",
        "training.keep_best=1",
        "--set",
        "training.checkpoint_every={steps=1}",
        "--set",
        "probe.layers=[1]",
    ];
    for by in ["loss", "probe"] {
        let place = Place::new(CONFIG);
        let by = format!("training.best_by={by}");
        let run = |arguments: &[&str]| place.succeed(&[arguments, &best, &["--set", &by]].concat());
        run(&["train", "config.toml", "--out", "whole"]);
        run(&["train", "config.toml", "--out", "parts", "--set", "training.steps=3"]);
        run(&["train", "--resume", "parts", "--set", "training.steps=6"]);
        let scores = String::from_utf8(read(&place.path("whole/scores.jsonl"))).unwrap();
        let scored: Vec<serde_json::Value> =
            scores.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if by.ends_with("=loss") {
            let metrics = String::from_utf8(read(&place.path("whole/metrics.jsonl"))).unwrap();
            assert_eq!((metrics.lines().count(), scored.len()), (6, 6));
            for (line, scored) in metrics.lines().zip(&scored) {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                let losses: Vec<f64> = serde_json::from_value(record["loss"].clone()).unwrap();
                let mean = losses.iter().sum::<f64>() / losses.len() as f64;
                assert!((scored["score"].as_f64().unwrap() + mean).abs() < 1e-5, "{scored} {record}");
            }
        }
        // The last checkpoint is kept anyhow; of equal ones the earlier is the better.
        let before = scored
            .iter()
            .take(5)
            .rev()
            .max_by(|a, b| a["score"].as_f64().unwrap().total_cmp(&b["score"].as_f64().unwrap()));
        let best = before.unwrap()["step"].as_u64().unwrap();
        for run in ["whole", "parts"] {
            let mut kept: Vec<_> = files(&place.path(&format!("{run}/checkpoints")))
                .into_iter()
                .map(|(path, ..)| path)
                .collect();
            kept.sort();
            let mut expected =
                [best, 6].map(|step| place.path(&format!("{run}/checkpoints/step-{step}.safetensors")));
            expected.sort();
            assert_eq!(kept, expected, "{by} {scores}");
        }
        assert_eq!(scores, String::from_utf8(read(&place.path("parts/scores.jsonl"))).unwrap());
    }
}

#[test]
fn a_session_says_what_trained_the_run_and_a_checkpoint_too() {
    let place = trained();
    let sessions = String::from_utf8(read(&place.path("run/sessions.jsonl"))).unwrap();
    let session: serde_json::Value = serde_json::from_str(sessions.trim()).unwrap();
    for key in ["program", "commit", "device", "kernels", "processor", "data"] {
        assert!(session[key].as_str().is_some_and(|word| !word.is_empty()), "{key}: {session}");
    }
    assert!(
        session["plugins"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one == concat!("plasticity-rules ", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(session["command"][1], "train");
    let provenance = Checkpoint::load(&place.path(LAST)).unwrap().provenance.unwrap();
    assert_eq!(serde_json::to_value(&provenance.plugins).unwrap(), session["plugins"]);
    assert_eq!(session["commit"], provenance.commit);
}
