//! The loss that a rule has where nothing is told apart, against its closed form.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_lab::config::{Config, Document};
use plasticity_lab::experiment::Experiment;
use plasticity_lab::run::trivial_losses;
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
