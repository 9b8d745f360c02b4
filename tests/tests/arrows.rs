//! The packages use each other as the book's design page draws it, and CUDA is known in one of them alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_tests::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What `cargo metadata` says of the workspace, without development dependencies and the packages of tests.
fn found() -> Arrows {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--locked", "--offline"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = |name: &str| name == "plasticity" || name.starts_with("plasticity-");
    let mut arrows = Arrows::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let used: BTreeSet<String> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .filter(|used| ours(used))
            .collect();
        if name != "plasticity-tests" && !used.is_empty() {
            arrows.insert(name.to_owned(), used);
        }
    }
    arrows
}

fn drawn() -> Arrows {
    let page = std::fs::read_to_string(root().join("book/src/design/design.md")).unwrap();
    let drawing = page.split("<!-- arrows -->").nth(1).unwrap().split("```").nth(1).unwrap();
    let lines = drawing.lines().filter_map(|line| line.split_once("->"));
    lines
        .map(|(from, to)| (from.trim().to_owned(), to.split_whitespace().map(str::to_owned).collect()))
        .collect()
}

#[test]
fn packages_use_each_other_as_the_design_page_draws_it() {
    assert_eq!(found(), drawn());
}

/// Every Rust file below a folder, but for what is built.
fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["target", ".git"].iter().any(|name| path.ends_with(name)) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn cuda_is_known_in_one_package_alone() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let condition = |line: &str| line.contains("feature = \"cuda\"") && line.contains("cfg");
    let outside: Vec<_> = files
        .iter()
        .filter(|file| {
            !file.starts_with(root().join("core/compute")) && !file.ends_with("tests/tests/arrows.rs")
        })
        .filter(|file| std::fs::read_to_string(file).unwrap().lines().any(condition))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}
