//! Configs that extend others, as every command reads them.

use super::{CONFIG, Place, read};

/// The tests' config as a base in a folder of its own, and a config that extends it.
fn place() -> Place {
    let place = Place::new("extends = \"base/scenes.toml\"\nseed = 8\n[rule]\ntype = \"gim\"\n");
    std::fs::create_dir(place.path("base")).unwrap();
    std::fs::write(place.path("base/scenes.toml"), CONFIG).unwrap();
    place
}

#[test]
fn every_command_reads_what_a_config_extends() {
    let place = place();
    place.succeed(&["train", "config.toml", "--dry-run"]);
    place.succeed(&["audit", "config.toml"]);
    place.succeed(&["verify", "config.toml", "--steps", "1"]);
    let listed = place.succeed(&["compare", "config.toml", "--list"]);
    assert!(listed.contains("--first-seed 8"), "{listed}");
    let error = place.fail(&["train", "config.toml", "--set", "encoder.widths=[0]"], 3);
    assert!(error.starts_with("--set encoder.widths=[0]: "), "{error}");
    std::fs::write(place.path("base/scenes.toml"), CONFIG.replace("batch = 8", "batch = 0")).unwrap();
    let error = place.fail(&["train", "config.toml"], 3);
    assert!(error.starts_with("base/scenes.toml:13: training.batch: "), "{error}");
    std::fs::write(place.path("base/scenes.toml"), "extends = \"../config.toml\"").unwrap();
    let error = place.fail(&["train", "config.toml"], 3);
    assert!(error.contains("is a circle: config.toml → base/scenes.toml → base/../config.toml"), "{error}");
}

#[test]
fn a_run_says_where_its_keys_come_from_and_is_that_of_the_whole_config() {
    let place = place();
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=2"]);
    let origins = || -> toml::Table {
        String::from_utf8(read(&place.path("run/origins.toml"))).unwrap().parse().unwrap()
    };
    let from = |key: &str| origins()[key].as_str().unwrap().to_owned();
    assert_eq!(from("seed"), "config.toml:2");
    assert_eq!(from("rule.type"), "config.toml:4");
    assert_eq!(from("encoder.widths"), "base/scenes.toml:8");
    assert_eq!(from("training.optimiser.rate"), "base/scenes.toml:16");
    assert_eq!(from("training.optimiser.beta1"), "default");
    assert_eq!(from("training.steps"), "--set training.steps=2");
    place.succeed(&["train", "--resume", "run", "--set", "training.steps=3"]);
    assert_eq!(
        (from("encoder.widths"), from("training.steps")),
        ("base/scenes.toml:8".into(), "--set training.steps=3".into())
    );
    // The same keys in one file make the same run.
    let whole = CONFIG.replace("seed = 3", "seed = 8").replace("clapp_s", "gim");
    std::fs::write(place.path("whole.toml"), whole).unwrap();
    place.succeed(&["train", "whole.toml", "--out", "whole", "--set", "training.steps=3"]);
    for file in ["config.toml", "checkpoints/step-3.safetensors"] {
        assert!(
            read(&place.path(&format!("run/{file}"))) == read(&place.path(&format!("whole/{file}"))),
            "{file}"
        );
    }
}
