//! The configs for video load, and the small ones learn.

#![allow(clippy::unwrap_used)] // helpers of tests stand outside `#[test]` functions

use plasticity_core::device::Device;
use plasticity_core::random::stream;
use plasticity_core::representation::Pooling;
use plasticity_core::stimulus::{Split, batch};
use plasticity_lab::config::Config;
use plasticity_lab::modules;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::probe::{Initial, Protocol};
use plasticity_lab::training::Trainer;
use std::path::{Path, PathBuf};

fn configs(prefix: &str) -> Vec<PathBuf> {
    let folder = plasticity_tests::root().join("configs/video");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
    let found: Vec<_> = entries.filter(named).collect();
    assert_eq!(found.len(), 6, "random, supervised, CPC, GIM, Hinge Loss CPC, CLAPP-s");
    found
}

/// Those whose rule changes something.
fn learning(prefix: &str) -> impl Iterator<Item = PathBuf> {
    configs(prefix).into_iter().filter(|path| !path.to_string_lossy().ends_with("_random.toml"))
}

/// The losses of the modules in the first and the last of `steps` steps on the same clips.
fn learn(path: &Path, overrides: &[String], steps: usize) -> (Vec<f32>, Vec<f32>) {
    let config = Config::load(path, overrides).unwrap();
    let stimulus = config.stimulus.open(Split::Learn, config.seed).unwrap();
    let device = Device::open().unwrap();
    let size = config.training.batch.min(4);
    let fixed = config.encoder.modules.clone().unwrap_or(config.rule.demands().modules);
    let (optimiser, seed, rule) = (config.training.optimiser, config.seed, config.rule);
    let layers = config.encoder.layers;
    let modules = modules::resolve(&fixed, layers.len()).unwrap();
    let plan = NetworkPlan {
        layers: &layers,
        modules: &modules,
        rule: rule.as_ref(),
        optimiser,
        module_rates: None,
        input: stimulus.shape(size),
        classes: stimulus.classes().map(|classes| classes.len()),
        seed,
    };
    let mut trainer = Trainer::new(Network::build(&plan, &device).unwrap(), seed);
    let samples: Vec<_> = (0..size)
        .map(|index| stimulus.sample(index, Some(&mut stream(seed, &[index as u64]))).unwrap())
        .collect();
    let mut losses = Vec::new();
    for _ in 0..steps {
        losses.push(trainer.step(batch(stimulus.as_ref(), &samples, &device).unwrap(), true).unwrap());
    }
    assert!(losses.iter().flatten().all(|loss| loss.is_finite()), "{}: {losses:?}", path.display());
    (losses[0].clone(), losses[steps - 1].clone())
}

#[test]
fn the_papers_configs_load() {
    for path in configs("ucf101_") {
        let config = Config::load(&path, &[]).unwrap();
        assert_eq!(config.encoder.layers.len(), 5, "{}", path.display());
        // Mean over time, all places kept, affine batch normalisation, orthogonal weights, dropout.
        let probe = config.probe;
        assert!(
            probe.pooling == Pooling::Keep
                && probe.protocol == Protocol::Paper
                && probe.batch_norm
                && probe.initial == Initial::Orthogonal
                && probe.dropout == 0.5,
            "{probe:?}"
        );
        // The rate falls after 60 and 80 of 200 epochs, and not again.
        let rates = probe.schedule.unwrap().rates(1, probe.epochs.unwrap());
        let factors = [59, 60, 79, 80, 100, 199].map(|epoch| (rates.factor(epoch) * 100.0).round());
        assert_eq!(factors, [100.0, 10.0, 10.0, 1.0, 1.0, 1.0], "{}", path.display());
    }
}

#[test]
fn every_module_learns_built_in_motions() {
    for path in learning("motions_") {
        let (first, last) = learn(&path, &[], 8);
        let falls = first.iter().zip(&last).all(|(first, last)| last < first);
        assert!(falls, "{}: {first:?} {last:?}", path.display());
    }
}

#[test]
#[ignore = "needs ../shared"]
fn the_actions_of_development_can_be_learned_from() {
    let shared = plasticity_tests::shared().unwrap();
    let folder = shared.join("data/actions64");
    for path in learning("actions64_") {
        learn(&path, &[format!("stimulus.source.path=\"{}\"", folder.display())], 1);
    }
}
