//! The loss that a rule has where nothing is told apart, against its closed form.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_lab::config::{Config, Document};
use plasticity_lab::experiment::Experiment;
use plasticity_lab::run::trivial_losses;
use plasticity_lab::training::Trainer;
use plasticity_tests::SCENES;

fn trivial(set: &str) -> Vec<Option<f64>> {
    let document = Document::parse(SCENES, "config.toml").unwrap().overridden(&[set.to_owned()]).unwrap();
    let experiment = Experiment::open(Config::from_document(document).unwrap()).unwrap();
    trivial_losses(&experiment, &Device::open().unwrap()).unwrap()
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
