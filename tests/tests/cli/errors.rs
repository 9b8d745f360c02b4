//! Everything that a user can get wrong gives one clear error that names the place.

use super::{CONFIG, Place, files, read};

fn train(from: &str, to: &str) -> (Place, String) {
    assert!(CONFIG.contains(from), "{from}");
    let place = Place::new(&CONFIG.replacen(from, to, 1));
    let error = place.fail(&["train", "config.toml", "--out", "run"], 3);
    assert!(!place.path("run").exists(), "a run was begun");
    (place, error)
}

#[test]
fn names_and_keys_that_are_not_known() {
    let start = |from, to, expected: &str| {
        let (_, error) = train(from, to);
        assert!(error.starts_with(expected), "{error}");
    };
    start("\"clapp_s\"", "\"claps\"", "config.toml:10: rule.type: unknown rule `claps`: did you mean `clapp");
    start(
        "\"vgg6\"",
        "\"vgg16\"",
        "config.toml:7: encoder.preset: unknown preset `vgg16`: did you mean `vgg6`?",
    );
    start(
        "\"images\"",
        "\"image\"",
        "config.toml:3: stimulus.type: unknown stimulus `image`: did you mean `images`?",
    );
    start(
        "\"synthetic\"",
        "\"syntetic\"",
        "config.toml:4: stimulus.source.type: unknown source `syntetic`: did you mean `synthetic`?",
    );
    start("[probe]", "[prob]", "config.toml:17: prob: unknown key `prob`: did you mean `probe`?");
    start(
        "type = \"clapp_s\"",
        "type = \"clapp_s\"\nprediction_step = 3",
        "config.toml:11: rule.prediction_step: unknown key `prediction_step`: did you mean `prediction_steps`?",
    );
    start(
        "batch = 8",
        "batches = 8",
        "config.toml:13: training.batches: unknown key `batches`: did you mean `batch`?",
    );
    start("widths", "width", "config.toml:8: encoder.width: unknown key `width`: did you mean `widths`?");
}

#[test]
fn values_that_do_not_fit() {
    let start = |from, to, expected: &str| {
        let (_, error) = train(from, to);
        assert!(error.starts_with(expected), "{error}");
    };
    start(
        "batch = 8",
        "batch = \"8\"",
        "config.toml:13: training.batch: expected a whole number of at least 1, got \"8\"",
    );
    start(
        "preset = \"vgg6\"\nwidths = [4, 4, 4, 8, 8, 8]",
        "layers = [\n  { type = \"conv2d\", channels = 0, kernel = 3 },\n]",
        "config.toml:8: encoder.layers.0.channels: expected a whole number in 1..=65536, got 0",
    );
    start(
        "rate = 1e-3",
        "rate = 0.0",
        "config.toml:16: training.optimiser.rate: expected a number > 0, got 0",
    );
    start(
        "batch = 8",
        "batch = 8\nthreads = 1025",
        "config.toml:14: training.threads: expected a whole number in 1..=1024, got 1025",
    );
    start(
        "batch = 8",
        "batch = 25",
        "config.toml:13: training.batch: a batch of 25 is too large for 24 stimuli",
    );
    start(
        "widths = [4, 4, 4, 8, 8, 8]",
        "widths = [4, 4, 4, 8, 8, 8]\nmodules = [[1, 2], [4, 5, 6]]",
        "config.toml:9: encoder.modules: layer 3 is skipped",
    );
    start("seed = 3", "seed = 3\n[", "config.toml:2: is not TOML: ");
    let place = Place::new(CONFIG);
    assert_eq!(
        place.fail(&["train", "config.toml", "--set", "rule=clapp_pp"], 3),
        "config.toml:2: stimulus: the rule needs 2 views of each whole stimulus, but these stimuli have 1, in \
            patches: set [stimulus] views = 2 and patch = false (images)"
    );
    let patches = ["train", "config.toml", "--set", "rule=clapp_pp", "--set", "stimulus.views=2"];
    assert!(place.fail(&patches, 3).contains("these stimuli have 2, in patches"));
    assert_eq!(
        place.fail(&["train", "config.toml", "--set", "rule.pool=9"], 3),
        "--set rule.pool=9: module 2: pooling: blocks of 9×9 do not fit a map of 8×8: use smaller blocks"
    );
    let views = ["train", "config.toml", "--set", "rule=clapp", "--set", "stimulus.views=2"];
    let error = place.fail(&views, 3);
    assert!(
        error.ends_with(
            "the rule needs 1 view of each stimulus, but these stimuli have 2: set [stimulus] \
            views = 1 (images)"
        ),
        "{error}"
    );
    assert!(
        place
            .fail(&["train", "config.toml", "--set", "rule=claps"], 3)
            .starts_with("--set rule=claps: unknown rule `claps`")
    );
    assert_eq!(place.fail(&["train", "config"], 1), "config: there is no such config file");
}

#[test]
fn folders_that_are_missing() {
    let folder = "source = { type = \"folder\", path = \"nowhere\" }";
    let place = Place::new(
        &CONFIG.replace("source = { type = \"synthetic\", count = 24, train = 32, test = 16 }", folder),
    );
    let error = place.run(&["train", "config.toml", "--out", "run"]);
    let message = String::from_utf8_lossy(&error.stderr).into_owned();
    assert!(!error.status.success() && message.contains("nowhere"), "{message}");
    assert!(!place.path("run").exists());
    assert_eq!(place.fail(&["train", "--resume", "gone"], 1), "gone: is not a run: it has no config.toml");
    assert_eq!(place.fail(&["probe", "gone"], 1), "gone: is not a run: it has no config.toml");
}

#[test]
fn a_config_that_is_no_runs_is_not_replaced() {
    let place = Place::new(CONFIG);
    let error = place.fail(&["train", "config.toml", "--out", "."], 1);
    assert!(error.starts_with("./config.toml: belongs to no run") && !error.contains("--resume"), "{error}");
    let error = place.fail(&["train", "--resume", "."], 1);
    assert!(error.starts_with(".: is not a run: it has a config.toml, but no checkpoint"), "{error}");
    // So does a comparison whose cell would go there, before any is trained.
    let cell = place.path("all/base/seed-3");
    std::fs::create_dir_all(&cell).unwrap();
    std::fs::write(cell.join("config.toml"), "mine").unwrap();
    let error = place.fail(&["compare", "config.toml", "--out", "all"], 1);
    assert!(error.starts_with("all/base/seed-3/config.toml: belongs to no run"), "{error}");
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), 2, "only the config and `all`");
    assert_eq!(read(&place.path("config.toml")), CONFIG.as_bytes());
}

/// A run without them is worth something; a comparison is nothing but probes.
#[test]
fn labelled_stimuli_that_are_missing_are_named_before_learning() {
    let images = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png", "g.png", "h.png"] {
        image::RgbImage::from_pixel(64, 64, image::Rgb([90; 3])).save(images.path().join(name)).unwrap();
    }
    let unlabelled = format!("source = {{ type = \"folder\", path = {:?} }}", images.path());
    let place = Place::new(
        &CONFIG.replace("source = { type = \"synthetic\", count = 24, train = 32, test = 16 }", &unlabelled),
    );
    let output = place.run(&["train", "config.toml", "--out", "run"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && message.contains("trained but not probed"), "{message}");

    let compare = ["compare", "config.toml", "--out", "compared"];
    let error = place.fail(&compare, 3);
    assert!(error.contains("labelled"), "{error}");

    // What is done needs them no more.
    let labelled = place.path("labelled");
    for (file, grey) in
        [("train/a/1.png", 10), ("train/b/1.png", 200), ("test/a/2.png", 20), ("test/b/2.png", 190)]
    {
        let file = labelled.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(64, 64, image::Rgb([grey; 3])).save(file).unwrap();
    }
    let classes = r#"stimulus.labelled={train="labelled/train",test="labelled/test"}"#;
    let compare = [&compare[..], &["--set", classes]].concat();
    let table = place.succeed(&compare);
    std::fs::remove_dir_all(&labelled).unwrap();
    assert_eq!(place.succeed(&compare), table);
}

/// Else the last good checkpoints would be replaced by lost ones between two recorded steps.
#[test]
fn a_network_that_diverges_is_not_saved_and_the_one_before_reads_out() {
    let config = CONFIG
        .replace("log_every = 1", "log_every = 100")
        .replace("{ type = \"adam\", rate = 1e-3 }", "{ type = \"sgd\", rate = 1e12 }")
        .replace("{ steps = 2 }", "{ steps = 1 }");
    let place = Place::new(&config);
    let error = place.fail(&["train", "config.toml", "--out", "run"], 4);
    assert!(
        error.starts_with("step ") && error.contains("is not finite: start a new run with a lower"),
        "{error}"
    );
    for entry in std::fs::read_dir(place.path("run/checkpoints")).unwrap() {
        let bytes = read(&entry.unwrap().path());
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for (name, tensor) in tensors.tensors() {
            let finite = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap()).is_finite();
            let lost = tensor.dtype() == safetensors::Dtype::F32 && !tensor.data().chunks(4).all(finite);
            assert!(!lost, "{name}");
        }
    }
}

#[test]
fn a_probe_that_does_not_fit_is_refused_before_a_comparison_learns() {
    let place = Place::new(CONFIG);
    let wrong = ["compare", "config.toml", "--out", "all", "--set", "probe.all_layers=[8,4]"];
    let error = place.fail(&wrong, 3);
    assert!(
        error.starts_with("--set probe.all_layers=[8,4]") && error.contains("the encoder has 6 layers"),
        "{error}"
    );
    let wrong = ["compare", "config.toml", "--out", "all", "--set", "probe.pooling={blocks=9}"];
    let error = place.fail(&wrong, 3);
    assert!(error.contains("layer 2: ") && error.contains("blocks of 9×9 do not fit"), "{error}");
    assert!(!place.path("all/base/seed-3/checkpoints/step-2.safetensors").exists());
}

#[test]
fn a_comparison_says_what_is_wrong_with_its_config_and_hints_at_the_seed_where_that_is() {
    let place = Place::new(CONFIG);
    let fail = |config: &str, status| place.fail(&["compare", config, "--list"], status);
    assert_eq!(fail("missing.toml", 1), "missing.toml: there is no such config file");
    std::fs::write(place.path("key.toml"), CONFIG.replace("epochs = 2", "epoch = 2")).unwrap();
    let error = fail("key.toml", 3);
    assert!(error.starts_with("key.toml:12: training.epoch: ") && !error.contains("--first-seed"), "{error}");
    for wrong in ["", "seed = \"x\"", "seed = -1"] {
        std::fs::write(place.path("seed.toml"), CONFIG.replace("seed = 3", wrong)).unwrap();
        let error = fail("seed.toml", 3);
        assert!(error.contains("seed: give a whole number of at least 0, or use --first-seed"), "{error}");
    }
    // Whole only with the sweep's value.
    std::fs::write(place.path("part.toml"), CONFIG.replace("[rule]\ntype = \"clapp_s\"\n", "")).unwrap();
    place.succeed(&["compare", "part.toml", "--list", "--sweep", r#"rule={type="gim"}"#]);
}

#[test]
fn a_comparison_does_not_mix_lengths_of_training() {
    let place = Place::new(CONFIG);
    let compare = ["compare", "config.toml", "--out", "all", "--sweep", "rule=random,clapp_s"];
    place.succeed(&[&compare[..], &["--set", "training.steps=2"]].concat());
    let written = files(&place.path("all"));
    let error = place.fail(&[&compare[..], &["--set", "training.steps=1"]].concat(), 1);
    let expected =
        "all/rule=clapp_s/seed-3: has a run of 2 steps, more than the 1 of the config: choose another folder";
    assert!(error.starts_with(expected), "{error}");
    assert!(written == files(&place.path("all")));
    place.succeed(&[&compare[..], &["--set", "training.steps=3"]].concat());
}

#[test]
fn finished_cells_are_shown_without_training_and_need_no_checkpoint() {
    let place = Place::new(CONFIG);
    let compare = |steps, rules, option| {
        let all = ["compare", "config.toml", "--out", "all", "--set", steps, "--sweep", rules];
        all.into_iter().chain(option).collect::<Vec<&str>>()
    };
    let one = compare("training.steps=1", "rule=clapp_s", None);
    let shown = compare("training.steps=1", "rule=random,clapp_s", Some("--finished"));
    let error = place.fail(&shown, 1);
    assert!(error.starts_with("all: has no finished cell of this comparison"), "{error}");
    place.succeed(&one);
    std::fs::remove_dir_all(place.path("all/rule=clapp_s/seed-3/checkpoints")).unwrap();
    let table = place.succeed(&shown);
    assert!(table.contains("clapp_s") && !table.contains("random"), "{table}");
    assert!(!place.path("all/rule=random").exists(), "nothing is trained");
    place.succeed(&one);
    assert!(!place.path("all/rule=clapp_s/seed-3/checkpoints").exists(), "nothing is trained again");
    // One that is probed before its end is not finished.
    place.fail(&compare("training.steps=2", "rule=random,clapp_s", Some("--finished")), 1);
}

#[test]
fn a_comparison_does_not_go_on_with_runs_on_other_stimuli() {
    let place = Place::new(CONFIG);
    let compare = ["compare", "config.toml", "--out", "all", "--set", "training.steps=1"];
    place.succeed(&compare);
    let other = [&compare[..], &["--set", "stimulus.source.count=32"]].concat();
    let error = place.fail(&other, 1);
    assert!(
        error.contains("all/base/seed-3: has a run with other stimuli: choose another folder"),
        "{error}"
    );
}

#[test]
fn a_comparison_does_not_go_on_with_runs_of_another_config_and_says_so_before_it_trains() {
    let place = Place::new(CONFIG);
    let compare = ["compare", "config.toml", "--out", "all", "--set", "training.steps=1", "--sweep"];
    place.succeed(&[&compare[..], &["rule=clapp_s"]].concat());
    let changed = ["rule=gim,clapp_s", "--set", "training.optimiser.rate=1e-2"];
    let error = place.fail(&[&compare[..], &changed].concat(), 1);
    let expected = "all/rule=clapp_s/seed-3: has a run of another config (training.optimiser.rate was 0.001 and \
        is 0.01 here (--set training.optimiser.rate=1e-2)): choose another folder with --out";
    assert!(error.starts_with(expected), "{error}");
    assert!(!place.path("all/rule=gim").exists(), "a cell was begun");
}

#[test]
fn checkpoints_that_are_cut_short_or_of_another_network() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let last = place.path("run/checkpoints/step-6.safetensors");
    let bytes = read(&last);
    std::fs::write(place.path("cut.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
    let error = place.fail(&["probe", "run", "--checkpoint", "cut.safetensors"], 1);
    assert!(error.starts_with("cut.safetensors: is incomplete"), "{error}");
    let error = place.fail(&["probe", "run", "--set", "encoder.widths=[4, 4, 4, 8, 8, 9]"], 1);
    let expected =
        "run/checkpoints/step-6.safetensors: belongs to another run: encoder.widths.5 was 8 and is 9 here";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_probe_that_diverges_names_its_key() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=1"]);
    let error = place.fail(&["probe", "run", "--set", "probe.rate=1e38"], 3);
    assert!(error.starts_with("--set probe.rate=1e38") && error.contains("scores are not finite"), "{error}");
}

#[test]
fn a_run_is_probed_by_its_own_config_and_checkpoints_alone() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    place.succeed(&["train", "config.toml", "--out", "other", "--set", "seed=4"]);
    place.succeed(&["probe", "run"]);
    place.succeed(&["alignment", "run"]);
    let written = files(&place.path("run"));
    let other = "other/checkpoints/step-6.safetensors";
    let lost = place.path("other.safetensors");
    std::fs::copy(place.path(other), &lost).unwrap();
    for (arguments, said) in [
        (&["probe", "run", "--set", "seed=4"][..], "seed was 3 and is 4 here (--set seed=4)"),
        (&["probe", "run", "--set", "training.batch=4"], "training.batch was 8 and is 4 here"),
        (&["probe", "run", "--checkpoint", other], "seed was 4 and is 3 here (run/config.toml:1: seed)"),
        // Of no run that could say more: the checkpoint itself does.
        (
            &["probe", "run", "--checkpoint", "other.safetensors"],
            "other.safetensors: belongs to another run: seed was 4",
        ),
        (
            &["alignment", "run", "--set", "rule=gim"],
            r#"rule.type was "clapp_s" and is "gim" here (--set rule=gim)"#,
        ),
    ] {
        let error = place.fail(arguments, 1);
        assert!(error.contains(said) && error.contains("; undo the change"), "{error}");
    }
    // What changes nothing of what was trained may be changed, and another probe is printed only.
    place.succeed(&["probe", "run", "--set", "probe.epochs=1"]);
    place.succeed(&["probe", "run", "--set", "stimulus.source.test=8"]);
    place.succeed(&["probe", "run", "--checkpoint", "run/checkpoints/step-4.safetensors"]);
    place.succeed(&["alignment", "run", "--set", "stimulus.source.count=16"]);
    assert!(written == files(&place.path("run")), "the run was written to");
    std::fs::remove_file(place.path("run/probe.json")).unwrap();
    place.succeed(&["probe", "run", "--set", "training.threads=1"]);
    assert!(place.path("run/probe.json").is_file(), "the run's own probe is kept");
}
