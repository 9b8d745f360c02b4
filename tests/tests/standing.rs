//! The loss that a rule has where nothing is told apart, against its closed form; and what a run refuses before it
//! starts or resumes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_lab::config::{Config, Document};
use plasticity_lab::experiment::Experiment;
use plasticity_lab::run::{self, Run, trivial_losses};
use plasticity_lab::training::Trainer;
use plasticity_tests::SCENES;
use std::path::Path;

fn experiment(sets: &[&str]) -> Experiment {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let document = Document::parse(SCENES, "config.toml").unwrap().overridden(&sets).unwrap();
    Experiment::open(Config::from_document(document).unwrap()).unwrap()
}

fn trivial(set: &str) -> Vec<Option<f64>> {
    trivial_losses(&experiment(&[set]), &Device::open().unwrap()).unwrap()
}

#[test]
fn the_trivial_loss_of_each_rule_is_its_closed_form() {
    let two = 2.0f64;
    for (set, modules, expected) in [
        ("rule=clapp_s", 6, 2.0),
        ("rule=hinge_cpc", 1, 2.0),
        // 2 of W_pred and 2 of W_retro, where W_pred alone serves both ways in the others.
        ("rule=clapp", 6, 4.0),
        ("rule=clapp_twin", 6, 4.0),
        ("rule=clapp_paired", 6, 4.0),
        ("rule.broadcast=logistic", 6, 2.0 * two.ln()),
        ("rule=gim", 6, 17.0f64.ln()),
    ] {
        let found = trivial(set);
        assert_eq!(found.len(), modules, "{set}");
        for loss in found {
            assert!((loss.unwrap() - expected).abs() < 1e-5, "{set}: {loss:?}, not {expected}");
        }
    }
}

#[test]
fn a_rule_without_a_loss_has_no_trivial_one() {
    assert!(trivial("rule=random").iter().all(Option::is_none));
}

/// Two modules of dense layers on 16 scenes of 16×16.
const FORWARD_FORWARD: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 16, train = 8, test = 8 }
crop = 16
flip = false
[encoder]
modules = [[1, 2], [3, 4]]
layers = [
    { type = "normalise" },
    { type = "dense", channels = 32 },
    { type = "normalise" },
    { type = "dense", channels = 32 },
]
[rule]
type = "forward_forward"
threshold = 1.0
[training]
epochs = 300
batch = 8
optimiser = { type = "adam", rate = 3e-3 }
"#;

/// The mean loss of each module in the last 200 of 600 steps, with labels of this strength.
fn forward_forward(strength: f32) -> [f64; 2] {
    let document = Document::parse(FORWARD_FORWARD, "config.toml").unwrap();
    let document = document.overridden(&[format!("rule.strength={strength:?}")]).unwrap();
    let experiment = Experiment::open(Config::from_document(document).unwrap()).unwrap();
    let device = Device::open().unwrap();
    let mut trainer = Trainer::new(experiment.network(&device).unwrap(), 3);
    let mut mean = [0.0; 2];
    for host in experiment.loader(0..600).unwrap() {
        let counts = trainer.steps() >= 400;
        let losses = trainer.step(host.unwrap().to_device(&device).unwrap(), counts).unwrap();
        mean.iter_mut().zip(losses).for_each(|(mean, loss)| *mean += f64::from(loss) / 200.0);
    }
    mean
}

/// A layer that tells no right label from a wrong one has at best the goodness θ for all, and the loss 2 ln 2.
#[test]
fn dense_layers_tell_right_labels_from_wrong_ones_by_forward_forward() {
    let nothing = 2.0 * 2.0f64.ln();
    let clear = forward_forward(10.0);
    assert!(clear.iter().all(|loss| *loss < nothing - 0.03), "{clear:?}");
    let faint = forward_forward(0.01);
    assert!(faint.iter().all(|loss| *loss > nothing - 0.03), "{faint:?}");
}

/// Trains a new run, or resumes the one in the folder.
fn train(folder: &Path, sets: &[&str]) -> Result<(), String> {
    let experiment = experiment(sets);
    let run = match run::is_run(folder) {
        true => Run::resume(folder, experiment.config()),
        false => Run::create(folder, experiment.config()),
    };
    let network = experiment.network(&Device::open().unwrap()).unwrap();
    let trained = run.and_then(|mut run| run::train(&experiment, network, &mut run, &|| false, &mut []));
    trained.map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_could_only_fail_later_is_refused_before_the_first_step() {
    let (turns, patient) =
        (format!("training.turns=[{}]", ["{steps=1}"; 6].join(",")), "training.patience={loss=1}");
    let frozen = "training.schedule={warm_up={steps=2},over={steps=2},decay={type=\"linear\"}}";
    for (sets, expected) in [
        (
            ["training.keep_best=1", "training.best_by=probe", "probe.layers=[9]"],
            "--set probe.layers=[9]: there is no layer 9",
        ),
        (
            ["training.epochs=1", "probe.every={epochs=1}", "probe.layers=[9]"],
            "--set probe.layers=[9]: there is no layer 9",
        ),
        (["training.epochs=9", "training.log_every=1", frozen], "--set training.schedule={warm_up={steps=2}"),
        (
            [turns.as_str(), patient, "training.log_every=1"],
            "--set training.patience={loss=1}: could end training before",
        ),
        (
            ["training.epochs=9", patient, "training.log_every=3"],
            "--set training.log_every=3: leaves epochs of 2 steps without a recorded loss",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = train(folder.path(), &sets).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert!(!folder.path().join("config.toml").exists(), "{expected}");
    }
}

#[test]
fn a_resumed_run_keeps_its_first_weights_and_its_way_to_learn() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    train(&first, &[]).unwrap();
    let init = format!("training.init={}", first.display());
    train(&second, &[&init]).unwrap();
    let config = || std::fs::read_to_string(second.join("config.toml")).unwrap();
    let before = config();
    let refused = |sets: &[&str]| train(&second, &[&["training.epochs=3"][..], sets].concat()).unwrap_err();
    let error = refused(&[&init, "training.init_layers=[1]"]);
    assert!(error.starts_with("--set training.init_layers=[1]: was not set and is [1] here"), "{error}");
    let error = refused(&[]);
    assert!(error.contains("training.init: was \"") && error.contains("is not set here"), "{error}");
    let error = refused(&[&init, "training.parallel=free_pipeline"]);
    assert!(error.contains("training.parallel was not set and is \"free_pipeline\" here"), "{error}");
    assert_eq!(config(), before);
    train(&second, &[&init, "training.epochs=3", "training.parallel=pipeline"]).unwrap();
}

/// W_pred of CLAPP-s has the names and shapes of that of Greedy InfoMax.
#[test]
fn a_rule_starts_with_its_own_weights_only_from_a_run_of_the_same_rule() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &[]).unwrap();
    let from = run::last_checkpoint(folder.path()).unwrap().unwrap().checkpoint.state.tensors;
    let init = format!("training.init={}", folder.path().display());
    for (rule, same) in [("rule=clapp_s", true), ("rule=gim", false)] {
        let experiment = experiment(&[rule, &init]);
        let mut network = experiment.network(&Device::open().unwrap()).unwrap();
        let fresh = network.state().unwrap().tensors;
        run::start_from_init(&experiment, &mut network).unwrap();
        let started = network.state().unwrap().tensors;
        let predict = "module.0.predict.1";
        assert_ne!(from[predict], fresh[predict]);
        let expected = if same { &from } else { &fresh };
        assert_eq!(started[predict], expected[predict], "{rule}");
        assert_eq!(started["layer.0.weight"], from["layer.0.weight"], "{rule}");
    }
}

/// The effective dimension of two stimuli is always 1.
#[test]
fn two_stimuli_do_not_make_a_layer_collapse() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["stimulus.source.count=2", "training.batch=1"]).unwrap();
    let warnings = std::fs::read_to_string(folder.path().join("warnings.jsonl")).unwrap_or_default();
    assert!(!warnings.contains("dimension/"), "{warnings}");
}

#[test]
fn an_error_names_the_key_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let each = ["{type=\"adam\",rate=1e-3}"; 6].join(",");
    let each = format!("training.optimiser=[{each}]");
    train(folder.path(), &[&each]).unwrap();
    let error = train(folder.path(), &[&each, "training.epochs=1", "training.steps=9"]).unwrap_err();
    assert!(error.starts_with("--set training.epochs=1: gives 2 steps, but"), "{error}");
    // Weights that are finite and overflow in the next step.
    let mut stored = run::last_checkpoint(folder.path()).unwrap().unwrap();
    stored.checkpoint.state.tensors.values_mut().for_each(|saved| saved.values.fill(1e30));
    stored.checkpoint.save(&stored.path).unwrap();
    let error = train(folder.path(), &[&each, "training.epochs=3"]).unwrap_err();
    assert!(error.contains("--set 'training.module_rates=["), "{error}");
}
