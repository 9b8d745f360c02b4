//! What `probe`, `bench` and `compare` report, for people and for machines.

use super::{CONFIG, Place, files, read};
use serde_json::Value;

#[test]
fn a_probe_reports_every_layer() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let text = place.succeed(&["probe", "run"]);
    assert!(
        text.starts_with("| layer | raw % | untrained % |") && text.contains("| standardised % |"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 9);
    let report: Value = serde_json::from_slice(&read(&place.path("run/probe.json"))).unwrap();
    let layers = report["layers"].as_array().unwrap();
    assert_eq!((layers.len(), &layers[0]["name"]), (7, &"input".into()));
    assert_eq!(layers[0]["scores"][0]["accuracy"], layers[0]["scores"][0]["untrained"]);
    for (index, layer) in layers.iter().enumerate().skip(1) {
        assert_eq!(layer["name"], index.to_string());
        assert_eq!(layer["chance"], 12.5);
        assert_eq!(
            (&layer["scores"][0]["probe"], &layer["scores"][1]["probe"]),
            (&"raw".into(), &"standardised".into())
        );
        for (probe, key) in [(0, "accuracy"), (0, "untrained"), (1, "accuracy"), (1, "untrained")] {
            assert!((0.0..=100.0).contains(&layer["scores"][probe][key].as_f64().unwrap()));
        }
        let top5 = layer["scores"][0]["top5"]["trained"].as_f64().unwrap();
        assert!(top5 >= layer["scores"][0]["accuracy"].as_f64().unwrap() && top5 <= 100.0);
        assert!(layer["features"]["dimension"].as_f64().unwrap() >= 1.0);
    }
    let printed: Value = serde_json::from_str(&place.succeed(&["probe", "run", "--json"])).unwrap();
    assert_eq!(printed, report);
}

#[test]
fn a_probe_has_neighbours_and_validation_where_the_config_asks_for_them() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let set = ["--set", "probe.neighbours=3", "--set", "probe.validation=0.25", "--set", "probe.input=false"];
    let text = place.succeed(&[&["probe", "run"][..], &set].concat());
    assert!(text.contains("| neighbours % |") && text.contains("| validation % | epoch |"), "{text}");
    let report = place.succeed(&[&["probe", "run", "--json"][..], &set].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    let layer = &report["layers"][0];
    assert_eq!((&layer["name"], &layer["scores"][2]["probe"]), (&"1".into(), &"neighbours".into()));
    assert!(layer["scores"][0]["chosen"]["trained"]["epoch"].as_u64().unwrap() >= 1);
    assert!(layer["scores"][2].get("chosen").is_none(), "neighbours choose nothing");
    let error = place.fail(&["probe", "run", "--set", "probe.neighbours=100000"], 3);
    assert!(
        error.contains("probe.neighbours") && error.contains("the number of training stimuli"),
        "{error}"
    );
}

#[test]
fn a_run_is_probed_on_the_stimuli_of_another_config() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let own = place.succeed(&["probe", "run"]);
    let before = read(&place.path("run/probe.json"));
    std::fs::write(place.path("other.toml"), CONFIG.replace("test = ", "test = 1")).unwrap();
    let other = place.run(&["probe", "run", "--on", "other.toml"]);
    let (text, said) = (String::from_utf8_lossy(&other.stdout), String::from_utf8_lossy(&other.stderr));
    assert!(other.status.success() && text.starts_with("| layer |") && text != own.as_str(), "{text}{said}");
    assert!(said.contains("probe.json is not changed"), "{said}");
    assert_eq!(read(&place.path("run/probe.json")), before);
    let error = place.fail(&["probe", "run", "--on", "none.toml"], 1);
    assert!(error.contains("none.toml") && error.contains("no such config file"), "{error}");
}

/// A folder in the place of a file cannot be replaced by it, whoever runs the test.
#[test]
fn what_cannot_be_written_is_printed_all_the_same() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=1"]);
    for (command, head) in [("probe", "| layer | raw % |"), ("alignment", "| layer | start, ° |")] {
        std::fs::create_dir(place.path(&format!("run/{command}.json"))).unwrap();
        let output = place.run(&[command, "run"]);
        let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && text.starts_with(head), "{text}{said}");
        assert!(said.contains(&format!("warning: run/{command}.json: cannot be written: ")), "{said}");
    }
    std::fs::create_dir_all(place.path("all/compare.md")).unwrap();
    let arguments = ["compare", "config.toml", "--seeds", "2", "--out", "all", "--set", "training.steps=1"];
    let output = place.run(&arguments);
    assert_eq!(output.status.code(), Some(1), "the table is what the command is for");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("| raw features, accuracy %"));
}

#[test]
fn a_network_that_does_not_learn_reads_out_as_the_untrained_one() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "rule=random"]);
    place.succeed(&["probe", "run"]);
    let report: Value = serde_json::from_slice(&read(&place.path("run/probe.json"))).unwrap();
    for layer in report["layers"].as_array().unwrap() {
        for score in layer["scores"].as_array().unwrap() {
            assert_eq!(score["accuracy"], score["untrained"]);
        }
        assert_eq!(layer["features"], layer["untrained_features"]);
    }
}

#[test]
fn a_benchmark_reports_speed_and_memory() {
    let place = Place::new(CONFIG);
    let text = place.succeed(&["bench", "config.toml", "--batch", "4", "--steps", "2", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    for key in ["stimuli_per_second", "step_ms"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
    }
    if cfg!(target_os = "linux") {
        assert!(report["peak_memory_mib"].as_f64().unwrap() > 1.0);
    }
    assert_eq!(report["batch"], 4);
    let piped =
        ["bench", "config.toml", "--batch", "4", "--steps", "1", "--set", "training.parallel=pipeline"];
    let output = place.run(&piped);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("training.parallel and training.turns"), "{said}");
}

#[test]
fn a_comparison_makes_one_table_of_all_cells_and_goes_on_where_it_was() {
    let place = Place::new(CONFIG);
    let arguments =
        ["compare", "config.toml", "--sweep", "rule=random,clapp_s", "--seeds", "2", "--out", "all"];
    let listed = place.succeed(&[&arguments[..], &["--list"]].concat());
    assert_eq!(listed.lines().count(), 4);
    assert!(!place.path("all").exists());
    // One cell by its own command, as a scheduler would run it.
    let words: Vec<&str> = listed.lines().nth(3).unwrap().split(' ').skip(1).collect();
    place.succeed(&words);
    assert!(!place.path("all/compare.md").exists(), "a cell's command has no table to share");
    let one = read(&place.path("all/rule=clapp_s/seed-4/probe.json"));
    let text = place.succeed(&arguments);
    assert_eq!(read(&place.path("all/rule=clapp_s/seed-4/probe.json")), one);
    assert!(
        text.contains("| untrained ") && text.contains("| rule=clapp_s ") && text.contains(" ± "),
        "{text}"
    );
    let table: Value = serde_json::from_slice(&read(&place.path("all/compare.json"))).unwrap();
    assert_eq!(table["rows"][1]["seeds"], serde_json::json!([3, 4]));
    assert_eq!(table["rows"][1]["probes"][0]["accuracy"].as_array().unwrap().len(), 7);
    let written = read(&place.path("all/compare.md"));
    assert_eq!(String::from_utf8_lossy(&written).trim(), text.trim());
    // All cells are done: going over them again, or over one, writes nothing of them, nor the table by one.
    let cells = || [files(&place.path("all/rule=random")), files(&place.path("all/rule=clapp_s"))];
    let before = cells();
    assert_eq!(place.succeed(&arguments), text);
    place.succeed(&words);
    assert!(before == cells(), "a cell that is done was written to");
    assert_eq!(read(&place.path("all/compare.md")), written, "a cell's command leaves the table");
}

#[test]
fn a_comparison_is_printed_in_every_format_and_as_an_array_of_jobs() {
    let place = Place::new(CONFIG);
    let arguments =
        ["compare", "config.toml", "--sweep", "rule=random,clapp_s", "--seeds", "2", "--out", "all"];
    let with = |more: &[&str]| place.succeed(&[&arguments[..], more].concat());
    let script = with(&["--list", "--slurm"]);
    let task = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("SLURM_ARRAY_TASK_ID", "3")
        .current_dir(place.path(""))
        .output()
        .unwrap();
    assert!(task.status.success(), "{script}\n{}", String::from_utf8_lossy(&task.stderr));
    assert!(
        place.path("all/rule=clapp_s/seed-4/probe.json").is_file() && !place.path("all/rule=random").exists()
    );
    let json: Value = serde_json::from_str(&with(&["--format", "json"])).unwrap();
    assert_eq!(json["rows"][1]["probes"][0]["gain"][6]["each"].as_array().unwrap().len(), 2);
    assert_eq!(json["differences"][0]["from"], "rule=random");
    with(&["--plot", "all/plot.svg"]);
    let plot = String::from_utf8(read(&place.path("all/plot.svg"))).unwrap();
    for word in [
        "rule=random",
        "rule=clapp_s",
        "untrained",
        "stimuli themselves",
        "chance",
        "% (raw)",
        "% (standardised)",
    ] {
        assert!(plot.contains(word), "{word}");
    }
    let error = place.fail(&[&arguments[..], &["--plot", "all/plot.svg"]].concat(), 1);
    assert!(error.starts_with("all/plot.svg: already exists: choose another --plot"), "{error}");
    let csv = with(&["--format", "csv"]);
    assert_eq!(
        csv.lines().count(),
        1 + 2 * 2 * 7 * 2,
        "two probes of two cells, the stimuli and six layers, and two seeds: {csv}"
    );
    assert_eq!(csv.as_bytes(), read(&place.path("all/compare.csv")));
    assert!(with(&["--format", "latex"]).contains("\\begin{tabular}"));
    assert!(!with(&["--format", "text"]).contains('|'));
    assert!(with(&[]).contains("difference from rule=random"));
}

/// A crate with a rule of its own has a program of its own.
#[cfg(unix)]
#[test]
fn listed_commands_are_of_the_program_that_lists_them() {
    use std::os::unix::process::CommandExt;
    let place = Place::new(CONFIG);
    let listed = |program: &str| {
        let output = place.command(&["compare", "config.toml", "--list"]).arg0(program).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(listed("my_rule").starts_with("my_rule compare config.toml --seeds 1"));
    assert!(listed("my rules/run").starts_with("'my rules/run' compare config.toml --seeds 1"));
}

#[test]
fn several_configs_and_inline_tables_make_one_table() {
    let place = Place::new(CONFIG);
    let views = CONFIG
        .replace("patch = { size = 16, stride = 8 }", "crop = 32\nviews = 2")
        .replace("\"clapp_s\"", "\"lpl\"");
    std::fs::write(place.path("views.toml"), views).unwrap();
    let rules = r#"rule={type="lpl",predictive=2.0},random"#;
    let arguments = ["compare", "views.toml", "config.toml", "--sweep", rules, "--out", "all"];
    let arguments =
        [&arguments[..], &["--set", "training.steps=2", "--set", "probe.all_layers=true"]].concat();
    let listed = place.succeed(&[&arguments[..], &["--list"]].concat());
    assert_eq!(listed.lines().count(), 4);
    assert!(listed.contains("'rule={type=\"lpl\",predictive=2.0}'") && listed.contains("--out all/views"));
    let error = place.fail(&["compare", "views.toml", "views.toml"], 3);
    assert!(error.contains("two configs have the name `views`"), "{error}");

    // An inline table reads well in the table, and the probe of all layers has a column.
    let views_only = [&["compare", "views.toml"][..], &arguments[3..]].concat();
    let text = place.succeed(&views_only);
    assert!(text.contains("| rule=lpl (predictive=2.0) |") && text.contains("| all layers |"), "{text}");
    let table: Value = serde_json::from_slice(&read(&place.path("all/compare.json"))).unwrap();
    assert_eq!(table["rows"][0]["layers"][7], "all");
}

#[test]
fn a_comparison_goes_on_after_a_cell_that_diverges() {
    let place = Place::new(CONFIG);
    let fast = r#"training.optimiser={type="sgd",rate=1e6}"#;
    let arguments =
        ["compare", "config.toml", "--set", fast, "--sweep", "rule=softhebb,random", "--out", "all"];
    let error = place.fail(&arguments, 4);
    assert!(
        error.starts_with("compare: 1 of 2 cells") && error.contains("rule=softhebb, seed 3, step "),
        "{error}"
    );
    let table: Value = serde_json::from_slice(&read(&place.path("all/compare.json"))).unwrap();
    assert_eq!(table["rows"].as_array().unwrap().len(), 1, "{table}");
}

#[test]
fn the_demonstration_trains_reads_out_and_takes_another_rule() {
    let place = Place::new("");
    let text = place.succeed(&[
        "demo",
        "--out",
        "run",
        "--set",
        "training.steps=1",
        "--set",
        "rule=gim",
        "--set",
        "encoder.widths=[2, 2, 2, 2, 2, 2]",
        "--set",
        "probe.epochs=1",
    ]);
    assert!(text.starts_with("| layer | raw % | untrained % |"), "{text}");
    let config = String::from_utf8(read(&place.path("run/config.toml"))).unwrap();
    assert!(config.contains("type = \"gim\""), "{config}");
    assert!(place.path("run/probe.json").is_file());
}

#[test]
fn a_profile_shows_where_a_step_goes() {
    let place = Place::new(CONFIG);
    let arguments = ["bench", "config.toml", "--batch", "4", "--steps", "2", "--profile"];
    if plasticity_core::device::ON_GPU {
        // Built for CUDA.
        assert!(place.fail(&arguments, 3).contains("on the CPU only"));
        return;
    }
    let report: Value =
        serde_json::from_str(&place.succeed(&[&arguments[..], &["--json"]].concat())).unwrap();
    assert!(report["limit_gflops"].as_f64().unwrap() > 0.0);
    let stages = report["profile"].as_array().unwrap();
    let share: f64 = stages.iter().map(|stage| stage["share"].as_f64().unwrap()).sum();
    assert!(share > 0.0 && share < 100.5, "{share} % of a step: {report}");
    for (part, stage) in [("layer 1", "forward"), ("module 1", "rule")] {
        let found = stages.iter().any(|one| {
            one["part"] == part && one["stage"].as_str().is_some_and(|name| name.starts_with(stage))
        });
        assert!(found, "{part} {stage}: {report}");
    }
}
