//! `plasticity report`: a page that stands by itself, in the place of nothing; `analyse`, which measures the same.

use super::{CONFIG, Place, program, read};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Few stimuli, so that maps and probes take no time; a rule with W_retro, and norms along the way.
fn config() -> String {
    let rule = "type = \"clapp\"\nscore = { type = \"bilinear\", transport = \"retrodiction\" }";
    let config = CONFIG.replace("type = \"clapp_s\"", rule);
    format!("{config}\n[[observers]]\ntype = \"norms\"\nevery = 2\nupdates = true\n")
}

const FEW: [&str; 6] = ["--stimuli", "16", "--points", "16", "--neurons", "2"];

fn trained(config: &str) -> Place {
    let place = Place::new(config);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    place.succeed(&["probe", "run"]);
    place
}

/// All charts beside a page, by name.
fn charts(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_page_holds_every_chart_and_takes_the_place_of_nothing() {
    let place = trained(&config());
    let said = place.succeed(&[&["report", "run"], &FEW[..]].concat());
    assert_eq!(said.trim(), "run/report.html");
    let page = String::from_utf8(read(&place.path("run/report.html"))).unwrap();
    let charts = charts(&place.path("run/report-charts"));
    assert_eq!(page.matches("<svg").count(), charts.len());
    for expected in
        ["loss", "surprise", "weight-norms", "update-norms", "transposes", "confusion", "cka-layers"]
    {
        assert!(charts.contains(&format!("{expected}.svg")), "{expected} is not of {charts:?}");
    }
    for expected in
        ["probe-raw.svg", "probe-standardised.svg", "map-1-layer-6.svg", "map-untrained-layer-6.svg"]
    {
        assert!(page.contains(&format!("report-charts/{expected}")), "{expected}");
    }
    for expected in ["local in space", "16-19", "Filters of the first layer", " of 8", "seed = 3"] {
        assert!(page.contains(expected), "{expected}");
    }
    let fetched = ["src=\"http", "href=\"http", "url(http", "@import", "<link"];
    assert!(!fetched.iter().any(|word| page.contains(word)), "the page fetches something");
    for chart in &charts {
        let svg = String::from_utf8(read(&place.path(&format!("run/report-charts/{chart}")))).unwrap();
        assert!(svg.contains("</svg>") && !svg.contains("var("), "{chart} stands by itself");
    }
    // Words for somebody who does not know the book.
    for expected in ["each layer with a loss of its own", "presynaptic activity", "of the untrained network"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(
        page.matches("class=\"title\"").count(),
        page.matches("<figure>").count(),
        "a title for each figure"
    );
    place.succeed(
        &[&["report", "run", "--no-audit", "--no-pictures", "--out", "bare.html"], &FEW[..]].concat(),
    );
    let bare = String::from_utf8(read(&place.path("bare.html"))).unwrap();
    assert!(page.contains("data:image/jpeg") && !bare.contains("data:image/jpeg"));
    assert!(page.contains("id=\"neurons\"") && !bare.contains("id=\"neurons\""));
    let error = place.fail(&[&["report", "run"], &FEW[..]].concat(), 1);
    assert!(error.starts_with("run/report.html: already exists"), "{error}");
    assert_eq!(String::from_utf8(read(&place.path("run/report.html"))).unwrap(), page);
    let surprise: Value = serde_json::from_slice(
        read(&place.path("run/metrics.jsonl")).split(|byte| *byte == b'\n').next().unwrap(),
    )
    .unwrap();
    let shares = surprise["surprise"].as_array().unwrap();
    assert!(shares.len() == 6 && shares.iter().all(|share| (0.0..=1.0).contains(&share.as_f64().unwrap())));
}

#[test]
fn the_confusion_matrix_is_of_features_that_are_pooled_as_in_the_probe() {
    let place = trained(CONFIG);
    let matrix = |pooling: &str| {
        let set = format!("probe.pooling={pooling}");
        let out = format!("{pooling}.html");
        let report = ["report", "run", "--no-audit", "--no-pictures", "--set", &set, "--out", &out];
        place.succeed(&[&report[..], &FEW].concat());
        read(&place.path(&format!("{pooling}-charts/confusion.svg")))
    };
    assert_ne!(matrix("keep"), matrix("mean"));
}

#[test]
fn several_runs_are_compared_on_one_page_and_seeds_go_together() {
    let place = Place::new(CONFIG);
    let arguments = ["compare", "config.toml", "--sweep", "rule=clapp_s,cpc", "--seeds", "2", "--out", "all"];
    place.succeed(&[&arguments[..], &["--set", "training.steps=2"]].concat());
    let runs = ["rule=clapp_s/seed-3", "rule=clapp_s/seed-4", "rule=cpc/seed-3", "rule=cpc/seed-4"];
    let runs = runs.map(|run| format!("all/{run}"));
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    let error = place.fail(&[&["report"], &runs[..]].concat(), 3);
    assert!(error.starts_with("--out: is missing"), "{error}");
    let report = [&["report", "--no-audit", "--out", "page.html"], &runs[..], &FEW[..]].concat();
    place.succeed(&report);
    let page = String::from_utf8(read(&place.path("page.html"))).unwrap();
    assert!(page.contains("What clapp_s and cpc learned from images"), "the title");
    assert!(charts(&place.path("page-charts")).contains(&"cka-runs.svg".to_owned()));
    assert_eq!(page.matches("which a synapse cannot do").count(), 1, "one table of locality for all rules");
    assert!(page.contains("clapp_s, seed 4") && page.contains("one standard deviation"));
    for (network, count) in [("clapp_s", 1), ("cpc", 1), ("untrained", 1)] {
        let filters = page.matches(&format!("filters of layer 1, {network}\"")).count();
        assert_eq!(filters, count, "the rules share the untrained network: {network}");
    }
}

#[test]
fn groups_with_other_baselines_have_a_name_and_a_baseline_each() {
    let place = Place::new(CONFIG);
    for (run, epochs) in [("exp/seed-1", "probe.epochs=1"), ("exp/seed-2", "probe.epochs=3")] {
        place.succeed(&["train", "config.toml", "--out", run, "--set", "training.steps=1", "--set", epochs]);
        place.succeed(&["probe", run]);
    }
    let runs = ["report", "exp/seed-1", "exp/seed-2", "--no-audit", "--no-pictures", "--out", "50% #1.html"];
    place.succeed(&[&runs[..], &FEW].concat());
    let page = String::from_utf8(read(&place.path("50% #1.html"))).unwrap();
    assert!(page.contains("What seed-1 and seed-2 learned from images"), "the title");
    assert!(page.contains("href=\"50%25%20%231-charts/probe-raw.svg\""), "the links");
    for run in ["seed-1", "seed-2"] {
        let tile = format!("best layer of the untrained network of {run}<");
        assert!(page.contains(&tile), "{tile}");
        for chart in ["probe-raw", "dimension"] {
            let svg = String::from_utf8(read(&place.path(&format!("50% #1-charts/{chart}.svg")))).unwrap();
            assert!(svg.contains(&format!("untrained {run}")), "{chart}: {run}");
        }
    }
}

#[test]
fn analyses_are_printed_as_tables_and_as_json() {
    let place = trained(&config());
    let text = place.succeed(&["analyse", "run", "--stimuli", "16"]);
    for expected in ["| layer | dimension |", "| CKA ", "cos(W_pred, W_retroᵀ)", "16 test stimuli"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let found: Value = serde_json::from_str(&place.succeed(&["analyse", "run", "--json"])).unwrap();
    let run = &found["runs"][0];
    assert_eq!(run["trained"].as_array().unwrap().len(), 6);
    for layer in 0..6 {
        assert!((run["cka"][layer][layer].as_f64().unwrap() - 1.0).abs() < 1e-5);
        let dimension = run["trained"][layer]["dimension"].as_f64().unwrap();
        assert!(dimension >= 1.0 - 1e-3, "{dimension}");
    }
    let stages = run["prediction_alignment"].as_array().unwrap();
    assert_eq!(stages.iter().map(|stage| stage["step"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 4, 6]);
    // A run that starts from the weights of another starts with its alignment.
    place.succeed(&[
        "train",
        "config.toml",
        "--out",
        "next",
        "--set",
        "training.init=run",
        "--set",
        "training.steps=1",
    ]);
    let next: Value = serde_json::from_str(&place.succeed(&["analyse", "next", "--json"])).unwrap();
    let start = &next["runs"][0]["prediction_alignment"][0];
    assert_eq!((&start["step"], &start["modules"]), (&0.into(), &stages[2]["modules"]));
    // It is not the other's later weights.
    place.succeed(&["train", "--resume", "run", "--set", "training.steps=7"]);
    let later: Value = serde_json::from_str(&place.succeed(&["analyse", "next", "--json"])).unwrap();
    assert_eq!(&later["runs"][0]["prediction_alignment"][0], start);
    // Earlier programs did not keep them.
    std::fs::remove_dir_all(place.path("run")).unwrap();
    std::fs::remove_file(place.path("next/checkpoints/step-0.safetensors")).unwrap();
    let output = place.run(&["analyse", "next", "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("the start of the run is not shown"), "{said}");
}

#[test]
fn a_damaged_earlier_checkpoint_is_passed_over() {
    let place = trained(&config());
    let earlier = place.path("run/checkpoints/step-4.safetensors");
    std::fs::write(&earlier, &read(&earlier)[..200]).unwrap();
    let output = place.run(&["analyse", "run", "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("this checkpoint is skipped"), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stages = found["runs"][0]["prediction_alignment"].as_array().unwrap();
    assert_eq!(stages.iter().map(|stage| stage["step"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 6]);
}

#[test]
fn what_cannot_be_shown_is_one_clear_error() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=1"]);
    let other = CONFIG.replace(
        "preset = \"vgg6\"\nwidths = [4, 4, 4, 8, 8, 8]",
        "layers = [{ type = \"conv2d\", channels = 4, kernel = 3, padding = 1 }]",
    );
    std::fs::write(place.path("other.toml"), other).unwrap();
    place.succeed(&["train", "other.toml", "--out", "other", "--set", "training.steps=1"]);
    for command in ["report", "analyse"] {
        let out = if command == "report" { &["--out", "page.html"][..] } else { &[] };
        let error = place.fail(&[&[command, "run", "other"], out].concat(), 1);
        assert!(error.starts_with("other: has 1 layers, and run has 6"), "{error}");
        assert!(place.fail(&[&[command, "nowhere"], out].concat(), 1).contains("is not a run"));
    }
    for command in [&["report", "run", "--layers"][..], &["features", "run", "--out", "f.npz", "--layer"]] {
        let error = place.fail(&[command, &["9"]].concat(), 3);
        let option = command.iter().rfind(|word| word.starts_with("--layer")).unwrap();
        let expected = format!("{option}: there is no layer 9: give a number from 1 to 6");
        assert!(error.starts_with(&expected), "{error}");
    }
    // A run that has begun and has no checkpoint.
    std::fs::remove_dir_all(place.path("run/checkpoints")).unwrap();
    for arguments in [&["report", "run"][..], &["analyse", "run"], &["features", "run", "--out", "f.npz"]] {
        assert!(place.fail(arguments, 1).starts_with("run: has no checkpoint yet"), "{arguments:?}");
    }
    assert!(!place.path("f.npz").exists() && !place.path("page.html").exists());
}

/// Pictures alone, without classes.
#[test]
fn stimuli_without_labels_are_refused() {
    let place = Place::new("");
    std::fs::create_dir(place.path("pictures")).unwrap();
    for index in 0..8u8 {
        let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * y) as u8, index, x as u8]));
        picture.save(place.path(&format!("pictures/{index}.png"))).unwrap();
    }
    let source = "source = { type = \"synthetic\", count = 24, train = 32, test = 16 }";
    let config = CONFIG.replace(source, "source = { type = \"folder\", path = \"pictures\" }");
    std::fs::write(place.path("config.toml"), config).unwrap();
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=1"]);
    for arguments in [&["report", "run"][..], &["analyse", "run"], &["features", "run", "--out", "f.npz"]] {
        let output = place.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains("labelled"), "{error}");
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
    }
    assert!(!place.path("run/report.html").exists() && !place.path("f.npz").exists());
}

/// Put behind a page's own script: what the browser has drawn, and whatever it has fetched.
const INSPECTION: &str = r#"<script>addEventListener("load", () => {
  const drawn = (element) => { const box = element.getBoundingClientRect(); return box.width > 40 && box.height > 40; };
  const found = {
    charts: [...document.querySelectorAll("svg.chart")].map((chart) => drawn(chart) && chart.children.length > 8),
    pictures: [...document.images].map((picture) => picture.complete && picture.naturalWidth > 0),
    fetched: performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:")),
    wide: document.documentElement.scrollWidth - innerWidth,
  };
  const map = document.querySelector("[data-places] svg");
  const box = map.getBoundingClientRect(), [x, y] = JSON.parse(map.closest("[data-places]").dataset.places)[3];
  const scale = box.width / map.viewBox.baseVal.width;
  map.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + x * scale, clientY: box.top + y * scale }));
  found.tip = document.getElementById("tip").textContent;
  document.body.dataset.found = JSON.stringify(found);
});</script>"#;

#[test]
#[ignore = "needs Chromium"]
fn a_browser_draws_every_figure_without_an_error_or_a_request() {
    let place = trained(&config());
    // The page names the program that makes it, here one with a name that is wider than a narrow window.
    let long = place.path(&"a_program_of_ones_own_".repeat(6));
    std::os::unix::fs::symlink(program(), &long).unwrap();
    let mut report = Command::new(&long);
    let made =
        report.args(["report", "run", "--no-audit"]).args(FEW).current_dir(place.path("")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let page = String::from_utf8(read(&place.path("run/report.html"))).unwrap();
    assert!(page.contains(long.to_str().unwrap()));
    std::fs::write(place.path("run/inspected.html"), page.clone() + INSPECTION).unwrap();
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter();
    let browser = browser.map(Command::new).find_map(|mut browser| {
        let there = browser.arg("--version").output().is_ok_and(|output| output.status.success());
        there.then(|| browser.get_program().to_owned())
    });
    let browser = browser.expect("Chromium is needed: apt-get install chromium");
    for width in [1400, 400] {
        let mut command = Command::new(&browser);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ]);
        command.arg(format!("--window-size={width},900"));
        command.arg(format!("--user-data-dir={}", place.path("profile").display()));
        let output =
            command.arg(format!("file://{}", place.path("run/inspected.html").display())).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let dom = String::from_utf8_lossy(&output.stdout);
        let found = dom.split("data-found=\"").nth(1).expect("the page's script ended early");
        let found: Value =
            serde_json::from_str(&found.split('"').next().unwrap().replace("&quot;", "\"")).unwrap();
        for kind in ["charts", "pictures"] {
            let drawn = found[kind].as_array().unwrap();
            assert!(!drawn.is_empty() && drawn.iter().all(|drawn| drawn == true), "{width}: {kind}: {found}");
        }
        assert_eq!(found["charts"].as_array().unwrap().len(), charts(&place.path("run/report-charts")).len());
        assert_eq!(found["fetched"], serde_json::json!([]));
        assert!(found["wide"].as_i64().unwrap() <= 0, "{width}: the page is wider than the window: {found}");
        assert!(!found["tip"].as_str().unwrap().is_empty(), "{width}: nothing is shown below the pointer");
    }
}
