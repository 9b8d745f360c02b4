//! Speech from the command line: labels of frames, hand-made features beside the layers, and files that do not fit.

use super::Place;
use std::path::Path;

const CONFIG: &str = r#"seed = 3
[stimulus]
type = "speech"
window = 3200
learn = { type = "synthetic_speech", speakers = 4, utterances = 4, seconds = 0.5 }
[stimulus.labelled.train]
type = "synthetic_speech"
speakers = 4
first_utterance = 4
utterances = 4
seconds = 0.5
[stimulus.labelled.test]
type = "synthetic_speech"
speakers = 2
first_speaker = 4
utterances = 4
seconds = 0.5
[encoder]
preset = "audio"
widths = [8, 8, 8, 8, 8]
gru = 8
[rule]
type = "supervised"
[training]
epochs = 20
batch = 8
log_every = 1
optimiser = { type = "adam", rate = 1e-2 }
[probe]
epochs = 5
rate = 1e-2
"#;

/// The loss of every module in every step of a run.
fn losses(folder: &Path) -> Vec<Vec<f64>> {
    let lines = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let loss = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::from_value(value["loss"].clone()).unwrap()
    };
    lines.lines().map(loss).collect()
}

#[test]
fn supervised_rules_learn_the_phone_of_every_frame() {
    let place = Place::new(CONFIG);
    for (rule, modules) in [("supervised", 1), ("greedy_supervised", 6)] {
        place.succeed(&["train", "config.toml", "--set", &format!("rule={rule}"), "--out", rule]);
        let losses = losses(&place.path(rule));
        let (first, last) = (&losses[0], &losses[losses.len() - 1]);
        assert_eq!(first.len(), modules);
        // 18 classes: ln 18 = 2.89 is chance.
        let falls = first.iter().zip(last).all(|(first, last)| last < first && *first < 4.0);
        assert!(falls, "{rule}: {first:?} {last:?}");
    }
}

#[test]
fn the_speed_of_training_is_in_stimuli() {
    let place = Place::new(CONFIG);
    let output = place.run(&["train", "config.toml", "--set", "training.steps=2", "--out", "run"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("step 2/2  ") && said.contains(" stimuli/s  0:00 left  loss "), "{said}");
}

#[test]
fn mfcc_stand_beside_the_layers_of_a_probe() {
    let place = Place::new(CONFIG);
    place.succeed(&[
        "train",
        "config.toml",
        "--set",
        "rule=random",
        "--set",
        "training.epochs=1",
        "--out",
        "r",
    ]);
    let table = place.succeed(&["probe", "r"]);
    let name = |line: &str| line.split('|').nth(1).unwrap_or_default().trim().to_owned();
    let rows: Vec<_> = table.lines().map(name).collect();
    assert_eq!(rows[2..], ["mfcc", "1", "2", "3", "4", "5", "6"], "{table}");
    for (out, more) in [("whole.html", None), ("bare.html", Some("--no-pictures"))] {
        let report = ["report", "r", "--no-audit", "--stimuli", "16", "--points", "16", "--out", out];
        place.succeed(&report.into_iter().chain(more).collect::<Vec<_>>());
        let page = std::fs::read_to_string(place.path(out)).unwrap();
        assert_eq!(page.contains("id=\"speech\""), more.is_none(), "a spectrogram is a picture of speech");
    }
    let accuracy = |row: usize| -> f64 {
        table.lines().nth(row).unwrap().split('|').nth(2).unwrap().trim().parse().unwrap()
    };
    assert!(accuracy(2) > 3.0 * 100.0 / 18.0, "MFCC tell built-in phones apart: {table}");
    // Who speaks: one row an utterance's window, of the mean over time.
    let speakers = ["labelled.test.first_speaker=0", "labelled.test.first_utterance=8"];
    let mut sets = Vec::new();
    for set in speakers.iter().copied().chain(["label=speaker"]) {
        sets.extend(["--set".to_owned(), format!("stimulus.{set}")]);
    }
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let table = place.succeed(&[&["probe", "r"], &sets[..]].concat());
    assert!(table.contains("mfcc") && table.contains("25.0"), "four speakers: {table}");
    let report = ["report", "r", "--no-audit", "--stimuli", "16", "--points", "16", "--out", "speakers.html"];
    place.succeed(&[&report, &sets[..]].concat());
    let page = std::fs::read_to_string(place.path("speakers.html")).unwrap();
    for expected in ["test windows of speech named", "a window of test speech", "labels at which it is"] {
        assert!(page.contains(expected), "{expected}");
    }
    for other in ["frames of speech", "classes of speech sounds", "10 ms of test speech", "phone at that"] {
        assert!(!page.contains(other), "{other}");
    }
}

/// 16-bit mono WAV whose header tells of `samples`, and that holds `kept`.
fn wav(path: &Path, rate: u32, samples: usize, kept: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data = 2 * samples as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.extend((0..kept).flat_map(|n| ((n * 2_654_435_761 % 20_000) as i16 - 10_000).to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn files_that_do_not_fit_are_said() {
    let place = Place::new(CONFIG);
    let sets = ["rule=clapp_s", "rule.skip=0", "training.batch=1", "training.epochs=1"];
    let learn = "stimulus.learn={ type = \"recordings\", path = \"audio\" }";
    let mut arguments = vec!["train", "config.toml", "--set", learn];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    wav(&place.path("audio/a/high.wav"), 44_100, 22_050, 22_050);
    wav(&place.path("audio/b/short.wav"), 16_000, 1_000, 1_000);
    let output = place.run(&[&arguments[..], &["--out", "run"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("1 of 2 utterances are not at 16000 Hz (a/high: 44100 Hz): they are resampled"),
        "{said}"
    );
    assert!(
        said.contains("1 of 2 utterances are shorter than a window of 3200 samples and are skipped"),
        "{said}"
    );
    wav(&place.path("audio/a/high.wav"), 16_000, 8_000, 4_000);
    let error = place.fail(&[&arguments[..], &["--out", "cut"]].concat(), 1);
    assert!(error.contains("high.wav") && error.contains("4000 of the 8000 samples"), "{error}");
}
