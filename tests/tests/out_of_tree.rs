//! Plugins in crates of their own, built outside the workspace: the example crate with one of every kind, and the
//! crate that `plasticity new-rule` writes. Neither touches the toolkit.
#![allow(clippy::unwrap_used, reason = "a test's helpers")]

use plasticity_tests::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs cargo in a crate outside the workspace; both crates share a target folder, and the workspace's versions.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let lock = folder.join("Cargo.lock");
    if !lock.exists() {
        std::fs::copy(root().join("Cargo.lock"), &lock).unwrap();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target.join("out-of-tree"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo {arguments:?} in {}:\n{said}", folder.display());
    said
}

/// Copies the example crate to a folder outside the workspace.
fn example(to: &Path) {
    let from = root().join("tests/out-of-tree");
    for folder in ["src", "tests"] {
        std::fs::create_dir_all(to.join(folder)).unwrap();
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
        }
    }
    let manifest = std::fs::read_to_string(from.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("../..", &root().display().to_string());
    std::fs::write(to.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(from.join("config.toml"), to.join("config.toml")).unwrap();
}

#[test]
fn crates_of_ones_own_build_pass_the_suite_and_train() {
    if !Path::new(env!("CARGO")).is_file() {
        println!("skipped: {} is absent", env!("CARGO"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("my-plugins");
    example(&plugins);
    cargo(&plugins, &["test"]);
    let listed = cargo(&plugins, &["run", "--", "list", "rules"]);
    assert!(listed.contains("homeostasis") && listed.contains("clapp"), "{listed}");
    cargo(&plugins, &["run", "--", "train", "config.toml", "--out", "run"]);
    assert!(plugins.join("run/metrics.jsonl").is_file());
    let measured = std::fs::read_to_string(plugins.join("run/measures.jsonl")).unwrap();
    assert!(measured.contains("1.sparseness"), "{measured}");
    let own = [
        "run",
        "--",
        "train",
        "config.toml",
        "--out",
        "own",
        "--set",
        "rule={type=\"homeostasis\", target=0.2}",
    ];
    cargo(&plugins, &own);

    let rule = plasticity::new_rule::write("oja2", folder.path()).unwrap();
    cargo(&rule, &["test"]);
    cargo(&rule, &["run", "--", "train", "config.toml", "--out", "run", "--set", "training.steps=10"]);
    let probed = cargo(&rule, &["run", "--", "probe", "run"]);
    assert!(probed.contains("untrained"), "{probed}");
    let audited = cargo(&rule, &["run", "--", "audit", "config.toml"]);
    for mark in ["local in space       yes", "local in time        yes", "weight transport     no"] {
        assert!(audited.contains(mark), "{audited}");
    }
    let compare =
        ["run", "--", "compare", "config.toml", "--sweep", "rule=oja2,clapp_s,random", "--out", "cells"];
    let short = ["training.steps=2", "training.checkpoint_every={steps=2}", "probe.epochs=1"];
    let short = short.iter().flat_map(|set| ["--set", set]);
    let compared = cargo(&rule, &compare.into_iter().chain(short).collect::<Vec<_>>());
    for cell in ["untrained", "rule=oja2", "rule=clapp_s", "rule=random"] {
        assert!(compared.contains(&format!("| {cell} ")), "{compared}");
    }
}
