//! What `verify` says of a config's rule and of reference cases, and how it exits.

use super::{CONFIG, Place, read};
use serde_json::Value;

#[test]
fn a_rule_with_a_loss_is_compared_fresh_and_trained() {
    let place = Place::new(CONFIG);
    let text = place.succeed(&["verify", "config.toml", "--steps", "2"]);
    for stage in ["ok   after 0 steps of training", "ok   after 2 steps of training"] {
        assert!(text.contains(stage), "{text}");
    }
    let printed = place.succeed(&["verify", "config.toml", "--steps", "2", "--json"]);
    let stages: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(stages.len(), 2);
    for stage in stages {
        assert_eq!(stage["passes"], true);
        assert!(stage["tensors"].as_array().unwrap().len() > 6, "{stage}");
    }
}

#[test]
fn a_rule_without_a_loss_says_that_there_is_nothing_to_compare() {
    let text = Place::new(CONFIG).succeed(&["verify", "config.toml", "--steps", "1", "--set", "rule=oja"]);
    assert!(text.contains("the rule has no loss, so there is nothing to compare its update with"), "{text}");
}

#[test]
fn a_reference_case_with_a_number_changed_fails_and_names_the_tensor() {
    let mut case = read(&plasticity_tests::root().join("tests/cases/clapp_s.safetensors"));
    let place = Place::new(CONFIG);
    std::fs::write(place.path("right.safetensors"), &case).unwrap();
    let text = place.succeed(&["verify", "--reference", "right.safetensors"]);
    assert!(text.starts_with("ok   right.safetensors"), "{text}");

    let (header, metadata) = safetensors::SafeTensors::read_metadata(&case).unwrap();
    let gradient = metadata.info("expect.layer.1.weight.grad").unwrap();
    case[8 + header + gradient.data_offsets.0 + 3] ^= 0x80; // the sign of the first value
    std::fs::write(place.path("wrong.safetensors"), &case).unwrap();
    let output = place.run(&["verify", "--reference", "wrong.safetensors"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("FAIL wrong.safetensors"), "{text}");
    let failed: Vec<_> = text.lines().skip(1).filter(|line| line.ends_with("FAIL")).collect();
    assert!(failed.len() == 1 && failed[0].contains("layer.1.weight"), "{text}");
}

#[test]
fn files_that_are_no_cases_are_said() {
    let place = Place::new(CONFIG);
    std::fs::write(place.path("cut.safetensors"), b"cut").unwrap();
    let cut = place.fail(&["verify", "--reference", "cut.safetensors"], 1);
    assert!(cut.starts_with("cut.safetensors: "), "{cut}");
    std::fs::create_dir(place.path("none")).unwrap();
    let none = place.fail(&["verify", "--reference", "none"], 3);
    assert_eq!(none, "--reference: there is no .safetensors file");
    for of_configs in [["--set", "seed=1"], ["--steps", "1"]] {
        let error = place.fail(&[&["verify", "--reference", "none"][..], &of_configs].concat(), 2);
        assert!(error.contains("cannot be used with") && error.contains(of_configs[0]), "{error}");
    }
}

/// `audit` and `verify` measure a rule by its updates, so that anybody can, without the files of its config.
#[test]
fn configs_whose_files_are_absent_are_measured_on_noise_of_their_shapes() {
    let absent = CONFIG.replace(
        "source = { type = \"synthetic\", count = 24, train = 32, test = 16 }",
        "source = { type = \"stl10\", path = \"nowhere\" }",
    );
    assert_ne!(absent, CONFIG);
    let place = Place::new(&absent);
    for arguments in [&["audit", "config.toml"][..], &["verify", "config.toml", "--steps", "1"]] {
        let output = place.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("using noise of the same shape") && said.contains("nowhere"), "{said}");
    }
    let supervised = place.run(&[
        "audit",
        "config.toml",
        "--set",
        "rule=supervised",
        "--set",
        "stimulus.source.learn=train",
    ]);
    assert!(supervised.status.success(), "{}", String::from_utf8_lossy(&supervised.stderr));
    place.fail(&["train", "config.toml", "--out", "run"], 1);
    // A config that is wrong is no config of absent files.
    assert!(place.fail(&["audit", "config.toml", "--set", "stimulus.crop=0"], 3).contains("stimulus.crop"));
}
