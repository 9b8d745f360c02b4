//! A pipeline of threads comes to the bits of one module after the other; a free one does not wait for slow modules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity as _;
use plasticity_core::device::Device;
use plasticity_core::draws::Draws;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::Random;
use plasticity_core::{Error, Result, plugin};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::State;
use plasticity_lab::training::{Length, Pace, Trainer, learn};
use plasticity_tests::SCENES;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// Hears of losses in the order of steps, looks after every third, and keeps every state that belongs to its step.
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
        assert!(moment.current || !moment.step.is_multiple_of(3), "looks at step {}", moment.step);
        if moment.current {
            self.states.push((moment.step, moment.network().network_mut().state()?));
        }
        Ok(())
    }
}

/// What training comes to.
fn trained(config: &str, pipeline: bool) -> Result<(Seen, State)> {
    let mut seen = Seen::default();
    let mut trainer = learned(config, pipeline.then_some(Pace::Exact), STEPS, &mut seen)?;
    let state = trainer.network_mut().state()?;
    Ok((seen, state))
}

/// The trainer after so many steps.
fn learned(
    config: &str,
    pace: Option<Pace>,
    steps: u64,
    observer: &mut dyn Observer<Trainer>,
) -> Result<Trainer> {
    let experiment = Experiment::open(Config::parse(config, "config.toml")?)?;
    let mut trainer = Trainer::new(experiment.network(&Device::open()?)?, 3);
    if let Some(pace) = pace {
        trainer = trainer.in_pipeline(experiment.input(), pace)?;
    }
    let length = Length { total: steps, batch: 8 };
    learn(&mut trainer, &mut experiment.loader(0..steps)?, length, &|| false, &mut [observer])?;
    assert_eq!(trainer.steps(), steps);
    Ok(trainer)
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
        let seen: Vec<u64> = other.states.iter().map(|(step, _)| *step).collect();
        assert!(seen == [3, 6, 7] && one.states.len() as u64 == STEPS, "{seen:?}");
        assert!(
            other.states.iter().all(|state| one.states.contains(state)),
            "other states are seen: {config}"
        );
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

/// Batches that the lowest module of [`Delayed`] has learned from.
static LOWEST: AtomicU64 = AtomicU64::new(0);
/// How many it learns from before the highest has learned from its first.
const AHEAD: u64 = 8;

/// CLAPP-s whose highest module learns from its first batch only after the lowest has learned from [`AHEAD`].
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Delayed {}

struct DelayedRule {
    inner: Box<dyn PlasticityRule>,
    lowest: bool,
    waits: bool,
}

plugin! {
    Rule "delayed": "For tests of pipelines",
    equation: "", citation: "", keys: [], example: "",
    impl RuleSpec for Delayed {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            let spec: Box<dyn RuleSpec> = serde_json::from_value(serde_json::json!({ "type": "clapp_s" })).unwrap();
            let inner = spec.build(site, random)?;
            let (lowest, waits) = (site.module == 0, site.module + 1 == site.modules);
            Ok(Box::new(DelayedRule { inner, lowest, waits }))
        }
    }
}

impl PlasticityRule for DelayedRule {
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        if self.lowest {
            LOWEST.fetch_add(1, Ordering::SeqCst);
        }
        let since = Instant::now();
        while std::mem::take(&mut self.waits) && LOWEST.load(Ordering::SeqCst) < AHEAD {
            assert!(since.elapsed() < Duration::from_secs(120), "the lowest module waits for the highest");
            std::thread::yield_now();
            self.waits = true;
        }
        self.inner.update(signals, draws)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.inner.parameters()
    }
}

/// Reads losses of every so many steps, and looks at nothing.
#[derive(Debug)]
struct Every(u64, Vec<Vec<f32>>);

impl Observer<Trainer> for Every {
    fn wants_losses(&self, step: u64) -> bool {
        step.is_multiple_of(self.0)
    }

    fn looks(&self, _: u64) -> bool {
        false
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        if self.wants_losses(moment.step) {
            self.1.push(moment.losses.to_vec());
        }
        Ok(())
    }
}

/// Two modules are two groups on every machine. Of the batches from before the highest module learned from its first it may learn from
/// the two that wait, but from no others.
#[test]
fn modules_of_a_free_pipeline_skip_batches_and_none_waits_for_one_above_it() {
    const BATCHES: u64 = 12;
    let two = patches("\"delayed\"").replace("[rule]", "modules = [[1, 2, 3], [4, 5, 6]]\n[rule]");
    let mut losses = Every(BATCHES, Vec::new());
    let trainer = learned(&two, Some(Pace::Free), BATCHES, &mut losses).unwrap();
    let steps = trainer.learned().unwrap();
    assert!(steps[0] == BATCHES && (2..=1 + 2 + BATCHES - AHEAD).contains(&steps[1]), "{steps:?}");
    assert!(losses.1.len() == 1 && losses.1[0].len() == 2, "both learn from the last batch: {losses:?}");
}

/// They wait for each other after every third step. Of the three batches before that none skips more than one: two wait.
#[test]
fn all_modules_of_a_free_pipeline_learn() {
    let config = PICTURES.replace("count = 64", "count = 32").replace("batch = 8", "batch = 32");
    let config =
        config.replace("epochs = 1", "epochs = 96") + "optimiser = { type = \"adam\", rate = 1e-2 }\n";
    let mut losses = Every(3, Vec::new());
    let trainer = learned(&config, Some(Pace::Free), 96, &mut losses).unwrap();
    let (first, last) = (&losses.1[0], &losses.1[31]);
    assert!(
        first.len() == 3 && first.iter().zip(last).all(|(first, last)| *last < 0.9 * first),
        "{losses:?}"
    );
    let steps = trainer.learned().unwrap();
    assert!(steps[0] == 96 && steps.iter().all(|steps| (64..=96).contains(steps)), "{steps:?}");
    assert_eq!(learned(PICTURES, Some(Pace::Exact), 1, &mut Every(1, Vec::new())).unwrap().learned(), None);
}
