//! `plasticity import`: runs with weights that another program trained.

use super::{CONFIG, Place, program, read};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// A trained run, and its weights in the layout of the paper's authors.
fn trained() -> Place {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=2"]);
    let checkpoint = read(&place.path("run/checkpoints/step-2.safetensors"));
    let tensors = SafeTensors::deserialize(&checkpoint).unwrap();
    let mut theirs = Vec::new();
    for (name, view) in tensors.iter().filter(|(name, _)| !name.starts_with("optimiser.")) {
        let words: Vec<&str> = name.split('.').collect();
        match words[..] {
            ["layer", index, kind] => {
                let name = format!("encoder.{index}.model.0.{kind}");
                theirs.push((name, view.shape().to_vec(), view.data().to_vec()));
            }
            ["module", index, "predict", step] => {
                let [rows, columns] = view.shape() else { panic!("{name}: {:?}", view.shape()) };
                let turned = (0..rows * columns).map(|at| at % rows * columns + at / rows);
                let bytes = turned.flat_map(|at| view.data()[4 * at..4 * at + 4].to_vec()).collect();
                let name = format!("encoder.{index}.loss.W_k.{}.weight", step.parse::<usize>().unwrap() - 1);
                theirs.push((name, vec![*columns, *rows, 1, 1], bytes));
            }
            _ => panic!("{name}"),
        }
    }
    write(&place, "theirs.safetensors", &theirs);
    place
}

fn write(place: &Place, name: &str, tensors: &[(String, Vec<usize>, Vec<u8>)]) {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    std::fs::write(place.path(name), safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A checkpoint's parameters, without what its optimiser keeps.
fn parameters(place: &Place, checkpoint: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = read(&place.path(checkpoint));
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let own = tensors.iter().filter(|(name, _)| !name.starts_with("optimiser."));
    let mut own: Vec<_> = own.map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
    own.sort();
    own
}

#[test]
fn weights_in_the_authors_layout_become_a_run_that_is_probed_reported_and_trained_on() {
    let place = trained();
    let arguments = ["import", "theirs.safetensors", "--into", "config.toml", "--out", "theirs"];
    assert_eq!(
        place.succeed(&[&arguments[..], &["--set", "seed=8"]].concat()).trim(),
        format!("{} probe theirs", program().display())
    );
    let own = parameters(&place, "run/checkpoints/step-2.safetensors");
    assert!(own.iter().any(|(name, _)| name == "module.5.predict.1"));
    assert_eq!(parameters(&place, "theirs/checkpoints/step-0.safetensors"), own);
    place.succeed(&["probe", "theirs"]);
    let page = |run: &str| {
        place.succeed(&["report", run, "--no-audit", "--points", "20"]);
        String::from_utf8(read(&place.path(&format!("{run}/report.html")))).unwrap()
    };
    let (theirs, ours) = (page("theirs"), page("run"));
    assert!(theirs.contains("A network kept the weights of another training."));
    let filters = |page: &str, network: &str| {
        let before = page.split(&format!(" filters of layer 1, {network}\"")).next().unwrap();
        before.rsplit("src=\"").next().unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(filters(&theirs, "trained"), filters(&ours, "trained"));
    assert_ne!(filters(&theirs, "untrained"), filters(&theirs, "trained"));
    let angles = |arguments: &[&str]| -> serde_json::Value {
        let printed = place.succeed(&[&["alignment"], arguments, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap()
    };
    let (imported, fresh) = (angles(&["theirs"]), angles(&["config.toml", "--set", "seed=8"]));
    assert_eq!((imported.as_array().unwrap().len(), &imported[0]["step"]), (1, &0.into()));
    assert_ne!(imported[0]["layers"], fresh[0]["layers"]);
    place.succeed(&["train", "--resume", "theirs"]);
    let checkpoint = |step: u64| place.path(&format!("theirs/checkpoints/step-{step}.safetensors"));
    assert!(checkpoint(6).is_file());
    assert_eq!(angles(&["theirs"])[0], imported[0], "the start stays the imported weights");
    // As if the training were killed before its first checkpoint.
    [4, 6].iter().for_each(|&step| std::fs::remove_file(checkpoint(step)).unwrap());
    let said = String::from_utf8(place.run(&["train", "--resume", "theirs"]).stderr).unwrap();
    assert!(said.contains("there is no checkpoint after step 0, so the run starts again"), "{said}");
    let error = place.fail(&arguments, 1);
    assert!(error.contains("already has a run"), "{error}");
}

#[test]
fn names_of_others_are_mapped_and_what_does_not_fit_is_named() {
    let place = trained();
    let import = |file: &str, more: &[&str], out: &str| {
        let arguments = ["import", file, "--into", "config.toml", "--out", out];
        place.run(&[&arguments[..], more].concat())
    };
    let own = read(&place.path("theirs.safetensors"));
    let tensors = SafeTensors::deserialize(&own).unwrap();
    let mut renamed: Vec<_> = tensors
        .iter()
        .filter(|(name, _)| name.contains(".model."))
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    let first = renamed.iter().position(|(name, ..)| name == "encoder.0.model.0.bias").unwrap();
    renamed[first].0 = "stem.bias".to_owned();
    renamed.push(("fc.weight".to_owned(), vec![1], vec![0; 4]));
    write(&place, "mine.safetensors", &renamed);
    let said = |output: std::process::Output| String::from_utf8(output.stderr).unwrap();
    for (mapped, left) in [("fc.weight=", "stem.bias"), ("stem.bias=", "fc.weight")] {
        let error = said(import("mine.safetensors", &["--map", mapped], "a"));
        assert!(error.contains(&format!("`{left}` has no place")), "{error}");
    }
    let error = said(import("mine.safetensors", &["--map", "fc.weight=", "--map", "stem.bias="], "a"));
    assert!(error.contains("has nothing for `layer.0.bias`"), "{error}");
    let mapped = ["--map", "fc.weight=", "--map", "stem.bias=layer.0.bias"];
    let error = said(import(
        "mine.safetensors",
        &[&mapped[..], &["--set", "encoder.widths=[4,4,4,8,8,9]"]].concat(),
        "a",
    ));
    assert!(
        error.contains("`encoder.5.model.0.") && error.contains("`layer.5.") && error.contains("[9"),
        "{error}"
    );
    let mistyped = ["--map", "fc.weight=module.0.predcit.1", "--map", "stem.bias=layer.0.bias"];
    let error = said(import("mine.safetensors", &mistyped, "a"));
    assert!(error.contains("`module.0.predcit.1`, and the network has no such parameter"), "{error}");
    assert!(!place.path("a").exists());
    let output = import("mine.safetensors", &mapped, "a");
    let said = said(output);
    assert!(said.contains("as the seed draws them: module.0.predict.1, "), "{said}");
    let (theirs, ours) = (
        parameters(&place, "a/checkpoints/step-0.safetensors"),
        parameters(&place, "run/checkpoints/step-2.safetensors"),
    );
    let layers = |of: Vec<(String, Vec<u8>)>| {
        of.into_iter().filter(|(name, _)| name.starts_with("layer.")).collect::<Vec<_>>()
    };
    assert_eq!(layers(theirs), layers(ours));
}

#[test]
fn a_checkpoint_is_imported_for_another_rule_without_its_optimiser() {
    let place = trained();
    let file = "run/checkpoints/step-2.safetensors";
    let output =
        place.run(&["import", file, "--into", "config.toml", "--set", "rule=random", "--out", "own"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let left_out = "left out, since they belong to another rule: module.0.predict.1, ";
    assert!(said.contains(left_out) && !said.contains("optimiser."), "{said}");
    let layers: Vec<_> =
        parameters(&place, file).into_iter().filter(|(name, _)| name.starts_with("layer.")).collect();
    assert_eq!(parameters(&place, "own/checkpoints/step-0.safetensors"), layers);
    // Greedy InfoMax has W_pred of the same names and shapes.
    let gim =
        ["import", file, "--into", "config.toml", "--set", "rule=gim", "--set", "encoder.modules=layerwise"];
    let output = place.run(&[&gim[..], &["--out", "fresh"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(left_out) && said.contains("the seed draws them: module.0.predict.1, "), "{said}");
    let map = ["--map", "module.0.predict.1=module.0.predict.1", "--out", "mapped"];
    place.succeed(&[&gim[..], &map].concat());
    let predict = |path: &str| {
        let mut own = parameters(&place, path).into_iter();
        own.find(|(name, _)| name == "module.0.predict.1")
    };
    assert_eq!(predict("mapped/checkpoints/step-0.safetensors"), predict(file));
    assert_ne!(predict("fresh/checkpoints/step-0.safetensors"), predict(file));
}

/// The checkpoint cannot be written, as if the program were killed just before.
#[cfg(unix)]
#[test]
fn what_an_interrupted_import_leaves_is_no_run() {
    let place = trained();
    std::fs::create_dir(place.path("cut")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("cut/checkpoints")).unwrap();
    place.fail(&["import", "theirs.safetensors", "--into", "config.toml", "--out", "cut"], 1);
    assert!(place.fail(&["train", "--resume", "cut"], 1).contains("cut: is not a run"));
}

#[test]
fn weights_that_are_not_finite_make_no_run() {
    let place = trained();
    let own = read(&place.path("theirs.safetensors"));
    let tensors = SafeTensors::deserialize(&own).unwrap();
    let mut all: Vec<_> = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    let lost = all.iter_mut().find(|(name, ..)| name == "encoder.0.model.0.bias").unwrap();
    lost.2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    write(&place, "lost.safetensors", &all);
    let error = place.fail(&["import", "lost.safetensors", "--into", "config.toml", "--out", "lost"], 1);
    assert!(
        error.starts_with("lost.safetensors: has a value for `layer.0.bias` that is not finite"),
        "{error}"
    );
    assert!(!place.path("lost").exists());
}
