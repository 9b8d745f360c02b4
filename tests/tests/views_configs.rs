//! The configs for two views load, their networks can be made, and the small ones learn.

#![allow(clippy::unwrap_used)] // helpers of tests stand outside `#[test]` functions

use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_core::random::stream;
use plasticity_core::representation::{Pooling, RepresentationShape};
use plasticity_core::stimulus::{Split, batch};
use plasticity_lab::config::Config;
use plasticity_lab::modules;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::training::Trainer;
use std::path::PathBuf;

fn configs(prefix: &str) -> Vec<PathBuf> {
    let folder = plasticity_tests::root().join("configs/views");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
    let mut found: Vec<_> = entries.filter(named).collect();
    found.sort();
    found
}

/// The published block sizes leave the features that the paper counts.
#[test]
fn the_published_configs_have_the_published_features() {
    let published = [
        ("cifar10_", 32, [8192, 4096, 4096, 8192, 4096, 4096]),
        ("stl10_", 96, [8192, 4096, 4096, 8192, 4096, 4096]),
        ("tiny_imagenet_", 64, [8192, 4096, 4096, 8192, 4096, 4096]),
    ];
    for (prefix, side, features) in published {
        let all = configs(prefix);
        assert_eq!(all.len(), 6, "pooled, same, top, both, backpropagation, InfoNCE");
        for path in all {
            let config = Config::load(&path, &[]).unwrap();
            let named = |what: &str| path.to_string_lossy().contains(what);
            if !(named("same") || named("top") || named("both")) {
                continue;
            }
            let device = Device::open().unwrap();
            let mut map = MapShape { time: 1, location: 1, batch: 4, extent: [1, side, side], channels: 3 };
            for (module, layer) in config.encoder.layers.iter().enumerate() {
                map = layer.build(map, &device, &mut stream(1, &[])).unwrap().output(map).unwrap();
                let seen = RepresentationShape::of(map, config.rule.demands().pooling(module)).unwrap();
                assert_eq!(seen.channel, features[module], "{}, module {module}", path.display());
            }
        }
    }
}

/// The top's representation is one mean over the last map.
#[test]
fn the_baselines_by_backpropagation_average_the_whole_last_map() {
    let device = Device::open().unwrap().sizing();
    let mut found = 0;
    for path in configs("") {
        let name = path.file_name().unwrap().to_string_lossy();
        if !(name.ends_with("_backprop.toml") || name.ends_with("_infonce.toml")) {
            continue;
        }
        let config = Config::load(&path, &[]).unwrap();
        let mut map = config.stimulus.outline().unwrap().unwrap().one;
        for layer in &config.encoder.layers {
            map = layer.build(map, &device, &mut stream(1, &[])).unwrap().output(map).unwrap();
        }
        assert_eq!(config.rule.demands().pooling(0), Pooling::Blocks(map.extent[1]), "{name}");
        found += 1;
    }
    assert!(found >= 11, "only {found} configs");
}

#[test]
#[ignore = "needs ../shared"]
fn the_small_configs_learn_from_the_photographs_of_development() {
    let shared = plasticity_tests::shared().unwrap();
    let all = configs("small_");
    assert!(all.len() >= 12, "{all:?}");
    for path in all {
        let mut overrides = vec!["encoder.widths=[4,4,4,4,6,6]".to_owned()];
        if path.to_string_lossy().contains("scff") || path.to_string_lossy().contains("forward_forward") {
            overrides.clear();
        }
        let images = shared.join("data/images64");
        let split =
            if Config::load(&path, &[]).unwrap().rule.demands().labels { "train" } else { "unlabelled" };
        overrides.push(format!("stimulus.source.path=\"{}\"", images.join(split).display()));
        for part in ["train", "test"] {
            overrides.push(format!("stimulus.labelled.{part}=\"{}\"", images.join(part).display()));
        }
        let config = Config::load(&path, &overrides).unwrap();
        let stimulus = config.stimulus.open(Split::Learn, config.seed).unwrap();
        let device = Device::open().unwrap();
        let fixed = config.encoder.modules.clone().unwrap_or(config.rule.demands().modules);
        let modules = modules::resolve(&fixed, config.encoder.layers.len()).unwrap();
        let size = 4;
        let plan = NetworkPlan {
            layers: &config.encoder.layers,
            modules: &modules,
            rule: config.rule.as_ref(),
            optimiser: config.training.optimiser,
            module_rates: None,
            input: stimulus.shape(size),
            classes: stimulus.classes().map(|classes| classes.len()),
            seed: config.seed,
        };
        let mut trainer = Trainer::new(Network::build(&plan, &device).unwrap(), config.seed);
        let before = trainer.network_mut().state().unwrap();
        for step in 0..2 {
            let samples: Vec<_> = (0..size)
                .map(|index| stimulus.sample(index * 7, Some(&mut stream(1, &[step, index as u64]))).unwrap())
                .collect();
            let losses = trainer.step(batch(stimulus.as_ref(), &samples, &device).unwrap(), true).unwrap();
            assert!(losses.iter().all(|loss| loss.is_finite()), "{}: {losses:?}", path.display());
        }
        let after = trainer.network_mut().state().unwrap();
        let mut weights = before.tensors.iter().filter(|(name, _)| name.ends_with(".weight"));
        let moved = weights.next().is_some_and(|(name, before)| after.tensors[name] != *before);
        assert_eq!(moved, trainer.network().learns(), "{}", path.display());
    }
}
