//! A pipeline of threads comes to the bits of one module after the other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity as _;
use plasticity_core::device::Device;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::State;
use plasticity_lab::training::{Length, Trainer, learn};
use plasticity_tests::SCENES;

const STEPS: u64 = 7;

/// Two modules that take two layers each, one that takes one, one that takes one.
const PICTURES: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 64, train = 8, test = 8 }
crop = 16
[encoder]
modules = [[1, 2], [3], [4]]
layers = [
    { type = "conv2d", channels = 4, kernel = 3, padding = 1 },
    { type = "conv2d", channels = 6, kernel = 3, padding = 1, batch_norm = true, max_pool = { size = 2 } },
    { type = "conv2d", channels = 6, kernel = 3, padding = 1, max_pool = { size = 2 } },
    { type = "conv2d", channels = 8, kernel = 3, padding = 1, max_pool = { size = 2 } },
]
[rule]
type = "greedy_supervised"
[training]
epochs = 1
batch = 8
"#;

/// Hears of losses in the order of steps, and sees the network after every third.
#[derive(Default)]
struct Seen {
    losses: Vec<(u64, Vec<f32>)>,
    states: Vec<(u64, State)>,
}

impl Observer<Trainer> for Seen {
    fn wants_losses(&self, step: u64) -> bool {
        !step.is_multiple_of(2)
    }

    fn looks(&self, step: u64) -> bool {
        step.is_multiple_of(3)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.losses.push((moment.step, moment.losses.to_vec()));
        if moment.step.is_multiple_of(3) {
            self.states.push((moment.step, moment.network().network_mut().state()?));
        }
        Ok(())
    }
}

/// What training comes to.
fn trained(config: &str, pipeline: bool) -> Result<(Seen, State)> {
    let experiment = Experiment::open(Config::parse(config, "config.toml")?)?;
    let mut trainer = Trainer::new(experiment.network(&Device::open()?)?, 3);
    if pipeline {
        trainer = trainer.in_pipeline(experiment.input())?;
    }
    let mut seen = Seen::default();
    let length = Length { total: STEPS, batch: 8 };
    learn(&mut trainer, &mut experiment.loader(0..STEPS)?, length, &|| false, &mut [&mut seen])?;
    assert_eq!(trainer.steps(), STEPS);
    let state = trainer.network_mut().state()?;
    Ok((seen, state))
}

fn patches(rule: &str) -> String {
    SCENES.replace("count = 16", "count = 64").replace("\"clapp_s\"", rule)
}

#[test]
fn a_pipeline_comes_to_the_same_bits_losses_and_looks() {
    let anew = PICTURES
        .replace("\"greedy_supervised\"", "\"scff\"\nform = \"position\"")
        .replace(", batch_norm = true", "");
    for config in [&patches("\"clapp_s\""), &patches("\"gim\""), PICTURES, &anew] {
        let (one, state) = trained(config, false).unwrap_or_else(|error| panic!("{error}"));
        let (other, state_of_pipeline) = trained(config, true).unwrap_or_else(|error| panic!("{error}"));
        assert!(state == state_of_pipeline, "other bits: {config}");
        assert_eq!(one.losses, other.losses);
        assert_eq!(one.losses.len() as u64, STEPS);
        assert!(one.states.len() == 2 && one.states == other.states, "other states are seen: {config}");
    }
}

#[test]
fn networks_whose_modules_need_those_above_are_refused() {
    let error = |config: &str| match trained(config, true) {
        Err(Error::Config { place, message }) => format!("{place}: {message}"),
        _ => panic!("was not refused"),
    };
    let above = error(&patches("\"clapp_s\"\ncontext = \"above\""));
    assert!(above.contains("training.parallel") && above.contains("context from above"), "{above}");
    let one = error(&patches("\"clapp_s\"").replace("[rule]", "modules = \"end_to_end\"\n[rule]"));
    assert!(one.contains("several modules"), "{one}");
}

/// The part above has failed, and the one below may wait for room: both end, with the error.
#[test]
fn an_error_of_a_part_is_that_of_the_training() {
    let wild = patches("\"clapp_s\"") + "optimiser = { type = \"sgd\", rate = 1e30 }\n";
    assert!(matches!(trained(&wild, true), Err(Error::Diverged { .. })));
}
