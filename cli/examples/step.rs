//! Times training steps of VGG-6 on 64×64 images (7×7 patches of 16×16, or colour and two views for clapp_pp), as
//! `bench/torch_step.py` does for PyTorch: images per second of the median step.
//!
//! `cargo run --release --example step -- RULE BATCH [STEPS]`

use plasticity as _;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::EncoderPreset;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{Modules, RuleSpec};
use plasticity_core::stimulus::Batch;
use plasticity_lab::modules::resolve;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use plasticity_lab::training::Trainer;
use serde::Deserialize;
use std::time::Instant;

#[derive(Deserialize)]
struct Specs {
    rule: Box<dyn RuleSpec>,
    encoder: Box<dyn EncoderPreset>,
}

fn noise(len: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state as f32 / 2_147_483_648.0 - 1.0) * 1.7
    };
    (0..len).map(|_| next()).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rule, batch, rest @ ..] = arguments.as_slice() else {
        return Err("usage: step RULE BATCH [STEPS]".into());
    };
    let batch: usize = batch.parse()?;
    let steps: usize = rest.first().map_or(Ok(20), |steps| steps.parse())?;
    let specs: Specs =
        toml::from_str(&format!("rule = {{ type = \"{rule}\" }}\nencoder = {{ preset = \"vgg6\" }}"))?;
    let layers = specs.encoder.layers()?;
    let whole = matches!(rule.as_str(), "cpc" | "hinge_cpc" | "hinge_cpc_time_local" | "supervised");
    let modules = resolve(&Modules::Named(if whole { "1" } else { "6" }.to_owned()), layers.len())?;
    let device = Device::open()?;
    let shape = if rule == "clapp_pp" {
        // Along the batch, all first views stand before all second ones.
        MapShape { time: 1, location: 1, batch: 2 * batch, extent: [1, 64, 64], channels: 3 }
    } else {
        MapShape { time: 7, location: 7, batch, extent: [1, 16, 16], channels: 1 }
    };
    let plan = NetworkPlan {
        layers: &layers,
        modules: &modules,
        rule: specs.rule.as_ref(),
        optimiser: OptimiserSpec::default().into(),
        module_rates: None,
        input: shape,
        classes: Some(10),
        seed: 1,
    };
    let mut trainer = Trainer::new(Network::build(&plan, &device)?, 1);
    let input = FeatureMap::new(shape, Buffer::from_vec(&device, noise(shape.len()))?)?;
    let mut times = Vec::new();
    for step in 0..steps + 5 {
        let start = Instant::now();
        let losses = trainer.step(Batch { input: input.clone(), labels: Vec::new() }, step == 0)?;
        let queued = start.elapsed();
        device.synchronize()?;
        if step == 0 {
            println!("losses of the first step: {losses:?}");
        } else if step >= 5 {
            times.push((start.elapsed().as_secs_f64(), queued.as_secs_f64()));
        }
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, queued) = times.get(times.len() / 2).copied().unwrap_or((f64::NAN, f64::NAN));
    println!(
        "plasticity {rule} {} {} batch {batch}: {:.3} images/s, step {:.2} ms, of which the host queues for {:.2} ms",
        device.name(),
        device.precision(),
        batch as f64 / median,
        median * 1e3,
        queued * 1e3
    );
    Ok(())
}
