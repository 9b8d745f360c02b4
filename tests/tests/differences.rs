//! Updates of whole networks against finite differences of the sum of their modules' losses, where a gradient
//! comes on two paths.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::RuleSpec;
use plasticity_encoders as _;
use plasticity_lab::network::{ModuleStep, Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use plasticity_rules as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 4, extent: [8, 1, 1], channels: 2 };

fn network(rule: Value, layers: &[Value], modules: &[Range<usize>]) -> Network {
    let layers: Vec<Box<dyn LayerSpec>> =
        layers.iter().map(|layer| serde_json::from_value(layer.clone()).unwrap()).collect();
    let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
    let plan = NetworkPlan {
        layers: &layers,
        modules,
        rule: rule.as_ref(),
        optimiser: OptimiserSpec::default().into(),
        module_rates: None,
        input: SHAPE,
        classes: None,
        seed: 4,
    };
    Network::build(&plan, &Device::open().unwrap()).unwrap()
}

/// The sum of the modules' losses in a step, and the updates by name; nothing moves.
fn step(network: &mut Network) -> (f64, BTreeMap<String, Vec<f32>>) {
    let wave = |place: usize| (place as f32 * 0.7).sin() + (place as f32 * 0.13).cos();
    let waves = Buffer::from_vec(network.device(), (0..SHAPE.len()).map(wave).collect()).unwrap();
    let (mut sum, mut updates) = (0.0, BTreeMap::new());
    let mut draws = SeededDraws::of_modules(1, 0);
    let mut each = |mut step: ModuleStep| {
        sum += f64::from(step.loss.to_vec().unwrap()[0]);
        updates.extend(step.named().unwrap());
        Ok(())
    };
    network.step(FeatureMap::new(SHAPE, waves).unwrap(), None, &mut draws, &mut each).unwrap();
    (sum, updates)
}

/// Checks that the updates of these parameters, all of the last module, are minus the slopes of that sum.
fn follows_the_slopes(mut network: Network, names: &[&str]) {
    let (_, updates) = step(&mut network);
    for &name in names {
        let place = network.parameters().iter().position(|(found, _)| found == name).unwrap();
        let start = network.parameters()[place].1.get().unwrap();
        let mut loss = |at: usize, by: f32| {
            let mut values = start.clone();
            values[at] += by;
            network.parameters()[place].1.set(&values).unwrap();
            step(&mut network).0
        };
        let slopes: Vec<f64> = (0..start.len()).map(|at| (loss(at, 1e-2) - loss(at, -1e-2)) / 2e-2).collect();
        network.parameters()[place].1.set(&start).unwrap();
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut slopes.iter().zip(&updates[name]).map(|(slope, up)| slope + f64::from(*up)));
        let error = error / norm(&mut slopes.iter().copied());
        assert!(error < 1e-2, "{name}: relative error {error}");
    }
}

fn conv1d() -> Value {
    json!({ "type": "conv1d", "channels": 4, "kernel": 3, "padding": 1, "relu": false })
}

fn gru() -> Value {
    json!({ "type": "gru", "hidden": 3 })
}

/// The lower module's context is the upper one. The softmax has no kinks.
fn above() -> Value {
    json!({
        "type": "clapp_s", "context": "above", "prediction_steps": 2, "broadcast": { "type": "softmax" }
    })
}

#[test]
fn a_layer_below_a_recurrent_one_learns_as_target_and_through_the_context() {
    let rule = json!({ "type": "cpc", "prediction_steps": 2 });
    let network = network(rule, &[conv1d(), gru()], std::slice::from_ref(&(0..2)));
    follows_the_slopes(network, &["layer.0.weight", "layer.1.weight_ih"]);
}

#[test]
fn an_upper_module_learns_also_as_the_context_of_the_lower_one() {
    let network = network(above(), &[conv1d(), conv1d()], &[0..1, 1..2]);
    follows_the_slopes(network, &["layer.1.weight", "layer.1.bias"]);
}

#[test]
fn a_recurrent_upper_module_learns_also_as_the_context_of_the_lower_one() {
    let network = network(above(), &[conv1d(), conv1d(), gru()], &[0..1, 1..3]);
    follows_the_slopes(network, &["layer.1.weight", "layer.2.weight_ih"]);
}
