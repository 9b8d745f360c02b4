//! Every reference case: loss, representations and gradients, against numbers worked out in float64 elsewhere.
#![allow(clippy::unwrap_used, reason = "a test's helper")]

use plasticity_core::device::Device;
use plasticity_lab::verify;
use std::path::Path;

/// Those that come with development, of all kinds.
fn cases(prefix: &str, at_least: usize) {
    let shared = plasticity_tests::shared().unwrap();
    compare(&shared.join("reference-cases"), prefix, at_least);
}

fn compare(folder: &Path, prefix: &str, at_least: usize) {
    let device = Device::open().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    files.sort();
    assert!(files.len() >= at_least, "only {} cases of {prefix}", files.len());
    let mut failures = Vec::new();
    for file in files {
        match verify::reference(&file, &device) {
            Ok(compared) => {
                assert!(compared.len() >= 4, "{}: nothing to compare", file.display());
                let failed = compared.into_iter().filter(|one| !one.passes());
                failures.extend(failed.map(|one| format!("{}: {one:?}", file.display())));
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Those of `tests/cases/make.py` and `make_dtp.py`, which are there on every machine.
#[test]
fn our_own() {
    compare(&plasticity_tests::root().join("tests/cases"), "", 5);
}

#[test]
#[ignore = "needs ../shared"]
fn vision() {
    cases("vision_", 13);
}

#[test]
#[ignore = "needs ../shared"]
fn audio() {
    cases("audio_", 5);
}

#[test]
#[ignore = "needs ../shared"]
fn video() {
    cases("video_", 4);
}

#[test]
#[ignore = "needs ../shared"]
fn views() {
    cases("views_", 6);
}

#[test]
#[ignore = "needs ../shared"]
fn layers_and_rules_around_the_paper() {
    cases("resnet_", 2);
    cases("normalise_", 3);
    cases("logistic_", 2);
}

#[test]
#[ignore = "needs ../shared"]
fn relatives_by_their_names() {
    cases("relative_", 12);
}

/// One step from the authors' formulas, tensor by tensor.
#[test]
#[ignore = "needs ../shared"]
fn published_methods() {
    compare(&plasticity_tests::shared().unwrap().join("reference-cases/published"), "", 2);
}

/// A case that lacks the gradient of what learns, or is of a rule that is not registered, does not pass.
#[test]
fn a_case_without_a_gradient_or_of_an_unknown_rule_fails() {
    let file = plasticity_tests::root().join("tests/cases/clapp_s.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let metadata = safetensors::SafeTensors::read_metadata(&bytes).unwrap().1.metadata().clone().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let written = |without: &str, kind: &str| {
        let kept = tensors.tensors().into_iter().filter(|(name, _)| name != without);
        let mut metadata = metadata.clone();
        let case = metadata["case"].replacen("\"predictive\"", &format!("\"{kind}\""), 1);
        metadata.insert("case".to_owned(), case);
        let path = folder.path().join("case.safetensors");
        std::fs::write(&path, safetensors::serialize(kept, Some(metadata)).unwrap()).unwrap();
        verify::reference(&path, &Device::open().unwrap())
    };
    assert!(written("", "predictive").unwrap().iter().all(verify::Comparison::passes));
    let compared = written("expect.layer.0.weight.grad", "predictive").unwrap();
    let failed: Vec<_> = compared.iter().filter(|one| !one.passes()).map(|one| one.tensor.as_str()).collect();
    assert_eq!(failed, ["layer.0.weight.grad"]);
    let error = written("", "ojja").unwrap_err().to_string();
    assert!(error.contains("rule.type: unknown rule `ojja`: did you mean `oja`?"), "{error}");
}
