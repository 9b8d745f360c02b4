//! Learning rates of layers and modules, of schedules and of turns in a whole network.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::Device;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::training::{Course, Trainer};
use plasticity_tests::SCENES;

/// A config with two modules, and a trainer of its network.
fn opened(scenes: &str, more: &str) -> (Experiment, Trainer) {
    let two_modules = scenes.replace("[rule]", "modules = \"2\"\n[rule]");
    let optimiser = "optimiser = { type = \"sgd\", rate = 100.0 }\n";
    let optimiser = if more.contains("optimiser") { "" } else { optimiser };
    let config = format!("{two_modules}{optimiser}{more}");
    let experiment = Experiment::open(Config::parse(&config, "config.toml").unwrap()).unwrap();
    let course = Course::new(&experiment.config().training, 2, 2, 4);
    let network = experiment.network(&Device::open().unwrap()).unwrap();
    (experiment, Trainer::new(network, 3).with_course(course))
}

/// How far each parameter moves in the first step, by name.
fn moved(more: &str) -> Vec<(String, Vec<f32>)> {
    let device = Device::open().unwrap();
    let (experiment, mut trainer) = opened(SCENES, more);
    let before = trainer.network_mut().state().unwrap().tensors;
    let batch = experiment.loader(0..1).unwrap().next().unwrap().unwrap();
    trainer.step(batch.to_device(&device).unwrap(), false).unwrap();
    let after = trainer.network_mut().state().unwrap().tensors;
    let own = before.into_iter().filter(|(name, _)| !name.starts_with("optimiser."));
    let moved = own.map(|(name, before)| {
        let pairs = after[&name].values.iter().zip(&before.values);
        (name, pairs.map(|(after, before)| after - before).collect())
    });
    moved.collect()
}

/// Checks that each parameter moves by its factor of what it moves without.
fn compare(more: &str, factor: impl Fn(&str) -> f32) {
    let mut some = 0;
    for ((name, plain), (_, other)) in moved("").into_iter().zip(moved(more)) {
        for (plain, other) in plain.into_iter().zip(other) {
            let expected = factor(&name) * plain;
            assert!((other - expected).abs() <= 1e-6 + 1e-4 * plain.abs(), "{name}: {other}, not {expected}");
            some += usize::from(plain.abs() > 1e-4);
        }
    }
    assert!(some > 10, "next to nothing moves");
}

/// Whether a parameter is of the first of the two modules.
fn of_first(name: &str) -> bool {
    ["layer.0.", "layer.1.", "layer.2.", "module.0."].iter().any(|own| name.starts_with(own))
}

#[test]
fn rates_of_layers_and_modules_multiply_and_spare_the_rule() {
    compare("layer_rates = [1, 0.5, 1, 1, 1, 0.25]\nmodule_rates = [0.5, 1]\n", |name| match name {
        "layer.1.weight" | "layer.1.bias" => 0.25,
        "layer.5.weight" | "layer.5.bias" => 0.25,
        name if name.starts_with("layer.0.") || name.starts_with("layer.2.") => 0.5,
        name if name.starts_with("module.0.") => 0.5,
        _ => 1.0,
    });
}

#[test]
fn a_warm_up_scales_every_rate_of_the_first_step() {
    compare("schedule = { warm_up = { epochs = 2 } }\n", |_| 0.25);
}

#[test]
fn each_module_may_have_an_optimiser_and_a_schedule_of_its_own() {
    let more = "optimiser = [{ type = \"sgd\", rate = 100.0 }, { type = \"sgd\", rate = 25.0 }]\n\
                schedule = [{ warm_up = { epochs = 1 } }, {}]\n";
    compare(more, |name| if of_first(name) { 0.5 } else { 0.25 });
}

#[test]
fn a_module_whose_turn_it_is_not_stays_as_it_is() {
    compare("turns = [{ steps = 1 }, { steps = 1 }]\n", |name| if of_first(name) { 1.0 } else { 0.0 });
}

/// With a context from above, the factor of the context goes up only in the module's turn.
#[test]
fn a_module_that_rests_sends_nothing_up_even_if_its_loss_is_reported() {
    let device = Device::open().unwrap();
    let above = SCENES
        .replace("\"clapp_s\"", "\"clapp_s\"\ncontext = \"above\"")
        .replace("[2, 2, 2, 2, 2, 2]", "[4, 4, 4, 4, 4, 4]");
    let turns = "optimiser = { type = \"sgd\", rate = 0.01 }\nturns = [{ steps = 1 }, { steps = 1 }]\n";
    let learned = |report: bool| {
        let (experiment, mut trainer) = opened(&above, turns);
        for batch in experiment.loader(0..2).unwrap() {
            trainer.step(batch.unwrap().to_device(&device).unwrap(), report).unwrap();
        }
        trainer.network_mut().state().unwrap()
    };
    assert!(learned(false) == learned(true), "a loss that is reported changes what is learned");
}
