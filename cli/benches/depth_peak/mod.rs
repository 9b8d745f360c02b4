//! One step of learning of CLAPP++ in a stack of equal layers, and the heap it takes.

use plasticity as _;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::stimulus::Batch;
use plasticity_lab::modules::resolve;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use plasticity_lab::training::Trainer;
use serde::Deserialize;

/// A stack of equal convolutions on maps of one size, and its stimuli: two views of each image.
#[derive(Clone, Copy)]
pub struct Stack {
    /// Neurons of every layer, and channels of the input.
    pub channels: usize,
    /// Rows and columns of every map.
    pub side: usize,
    /// Images of a batch.
    pub images: usize,
}

/// Bytes on the heap.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The most that a step held at once, beside what it found.
    pub step: usize,
    /// What it found: weights, the optimiser's averages, the batch.
    pub kept: usize,
}

#[derive(Deserialize)]
struct Specs {
    rule: Box<dyn RuleSpec>,
    layers: Vec<Box<dyn LayerSpec>>,
}

/// What a step of learning takes in a stack of `depth` layers with the rule `rule` (an inline table).
pub fn of_step(stack: Stack, depth: usize, rule: &str) -> Result<Bytes> {
    Device::open()?.empty_cache();
    let outer = dhat::Profiler::builder().testing().build();
    let (mut trainer, input) = prepared(stack, depth, rule)?;
    let batch = || Batch { input: input.clone(), labels: Vec::new() };
    // The first step makes the optimisers' averages.
    trainer.step(batch(), false)?;
    let second = batch();
    Device::open()?.empty_cache();
    let kept = dhat::HeapStats::get().curr_bytes;
    drop(outer);
    let inner = dhat::Profiler::builder().testing().build();
    let done = trainer.step(second, false);
    let step = dhat::HeapStats::get().max_bytes;
    drop(inner);
    done.map(|_| Bytes { step, kept })
}

fn prepared(stack: Stack, depth: usize, rule: &str) -> Result<(Trainer, FeatureMap)> {
    let Stack { channels, side, images } = stack;
    let layer = format!("{{ type = \"conv2d\", channels = {channels}, kernel = 3, padding = 1 }}");
    let text = format!("rule = {rule}\nlayers = [{}]", vec![layer; depth].join(", "));
    let specs: Specs =
        toml::from_str(&text).map_err(|e| plasticity_core::Error::config("stack", e.to_string()))?;
    let input = MapShape { time: 1, location: 1, batch: 2 * images, extent: [1, side, side], channels };
    let device = Device::open()?;
    let plan = NetworkPlan {
        layers: &specs.layers,
        modules: &resolve(&specs.rule.demands().modules, depth)?,
        rule: specs.rule.as_ref(),
        optimiser: OptimiserSpec::default().into(),
        module_rates: None,
        input,
        classes: None,
        seed: 1,
    };
    let wave = (0..input.len()).map(|place| (place as f32 * 0.7).sin()).collect();
    let map = FeatureMap::new(input, Buffer::from_vec(&device, wave)?)?;
    Ok((Trainer::new(Network::build(&plan, &device)?, 1), map))
}
