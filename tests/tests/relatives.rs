//! Relatives in a whole network, against sums over synapses written out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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

const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 4, extent: [1, 6, 6], channels: 2 };

fn input(device: &Device) -> FeatureMap {
    waves(device, SHAPE)
}

fn waves(device: &Device, shape: MapShape) -> FeatureMap {
    let wave = |place: usize| (place as f32 * 0.7).sin() + (place as f32 * 0.13).cos();
    FeatureMap::new(shape, Buffer::from_vec(device, (0..shape.len()).map(wave).collect()).unwrap()).unwrap()
}

fn build(
    device: &Device,
    rule: &str,
    layers: &[Value],
    modules: &[Range<usize>],
    input: MapShape,
    optimiser: OptimiserSpec,
) -> plasticity_core::Result<Network> {
    let layers: Vec<Box<dyn LayerSpec>> =
        layers.iter().map(|layer| serde_json::from_value(layer.clone()).unwrap()).collect();
    let rule: Box<dyn RuleSpec> = serde_json::from_value(json!({ "type": rule })).unwrap();
    let plan = NetworkPlan {
        layers: &layers,
        modules,
        rule: rule.as_ref(),
        optimiser: optimiser.into(),
        module_rates: None,
        input,
        classes: Some(3),
        seed: 4,
    };
    Network::build(&plan, device)
}

fn network(device: &Device, rule: &str) -> Network {
    let layer =
        json!({ "type": "conv2d", "channels": 3, "kernel": 3, "padding": 1, "max_pool": { "size": 2 } });
    build(device, rule, &[layer.clone(), layer], &[0..1, 1..2], SHAPE, OptimiserSpec::default()).unwrap()
}

fn step(network: &mut Network, input: FeatureMap) -> BTreeMap<String, Vec<f32>> {
    let mut updates = BTreeMap::new();
    let mut draws = SeededDraws::of_modules(1, 0);
    let labels: Vec<u32> = (0..input.shape().batch as u32).map(|input| input % 3).collect();
    let mut each = |mut step: ModuleStep| {
        updates.extend(step.named()?);
        step.apply()
    };
    network.step(input, Some(&labels), &mut draws, &mut each).unwrap();
    updates
}

fn parameter(network: &mut Network, name: &str) -> Vec<f32> {
    network.parameters().iter().find(|(found, _)| found == name).unwrap().1.get().unwrap()
}

/// The update of the first layer, synapse by synapse: mean over stimuli and positions of
/// y_j (x_i − Σ_k decay(j, k) W_ki), where `rule` gives y and Σ_k's factors from the summed inputs a.
fn written_out(network: &mut Network, rule: &str, map: &FeatureMap) -> Vec<f64> {
    let weight = parameter(network, "layer.0.weight");
    let x = map.data().to_vec().unwrap();
    let [_, rows, columns] = SHAPE.extent;
    let mut update = vec![0.0; weight.len()];
    let positions = (SHAPE.batch * rows * columns) as f64;
    for place in 0..SHAPE.batch * rows * columns {
        let (b, y, x_at) = (place / (rows * columns), place / columns % rows, place % columns);
        // The window, in the order of the weights: input channel, row, column.
        let mut window = Vec::new();
        for channel in 0..2 {
            for dy in 0..3 {
                for dx in 0..3 {
                    let inside = (1..=rows).contains(&(y + dy)) && (1..=columns).contains(&(x_at + dx));
                    let at = |row: usize, column: usize| ((b * rows + row) * columns + column) * 2 + channel;
                    window.push(if inside { f64::from(x[at(y + dy - 1, x_at + dx - 1)]) } else { 0.0 });
                }
            }
        }
        let a: Vec<f64> = (0..3)
            .map(|j| {
                let weights = &weight[j * 18..(j + 1) * 18];
                weights.iter().zip(&window).map(|(w, x)| f64::from(*w) * x).sum()
            })
            .collect();
        let sum: f64 = a.iter().map(|a| a.exp()).sum();
        let winner = (0..3).max_by(|&j, &k| a[j].total_cmp(&a[k])).unwrap();
        for j in 0..3 {
            let sign = if j == winner { 1.0 } else { -1.0 };
            let post = if rule == "softhebb" { sign * a[j].exp() / sum } else { a[j] };
            for i in 0..18 {
                let w = |k: usize| f64::from(weight[k * 18 + i]);
                let decay = match rule {
                    "sanger" => (0..=j).map(|k| a[k] * w(k)).sum(),
                    _ => a[j] * w(j),
                };
                update[j * 18 + i] += post * (window[i] - decay) / positions;
            }
        }
    }
    update
}

#[test]
fn rules_of_single_synapses_see_summed_inputs_of_all_neurons_before_pooling() {
    let device = Device::open().unwrap();
    for rule in ["oja", "sanger", "softhebb"] {
        let mut network = network(&device, rule);
        let expected = written_out(&mut network, rule, &input(&device));
        let made = step(&mut network, input(&device));
        assert_eq!(made["layer.0.bias"], [0.0; 3], "{rule}");
        let made = &made["layer.0.weight"];
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut made.iter().zip(&expected).map(|(a, b)| f64::from(*a) - b));
        let error = error / norm(&mut expected.iter().copied());
        assert!(error < 1e-5, "{rule}: relative error {error}");
    }
}

/// Three orthogonal stimuli whose E[x xᵀ] has the eigenvalues 0.8, 0.4 and 0.1, all below 1, and a mean that is not 0:
/// a bias that learned or was seen would lead the weights elsewhere.
#[test]
fn oja_finds_the_leading_eigenvector_and_sanger_the_first_two() {
    let device = Device::open().unwrap();
    let axes = [[2.0, 2.0, 1.0], [1.0, -2.0, 2.0], [-2.0, 1.0, 2.0]].map(|axis| axis.map(|x: f32| x / 3.0));
    let shape = MapShape { time: 1, location: 1, batch: 3, extent: [1; 3], channels: 3 };
    let stimuli = axes.iter().zip([0.8, 0.4, 0.1]).flat_map(|(axis, value)| {
        let length = (3.0_f32 * value).sqrt();
        axis.map(|x| length * x)
    });
    let input = FeatureMap::new(shape, Buffer::from_vec(&device, stimuli.collect()).unwrap()).unwrap();
    for (rule, expected) in [("oja", [0, 0]), ("sanger", [0, 1])] {
        let layer = json!({ "type": "dense", "channels": 2, "relu": false });
        let optimiser =
            OptimiserSpec::Sgd { rate: 0.5, momentum: 0.0, weight_decay: 0.0, decay_biases: true };
        let mut network =
            build(&device, rule, &[layer], std::slice::from_ref(&(0..1)), shape, optimiser).unwrap();
        let bias = parameter(&mut network, "layer.0.bias");
        for _ in 0..300 {
            step(&mut network, input.clone());
        }
        for (weights, axis) in parameter(&mut network, "layer.0.weight").chunks_exact(3).zip(expected) {
            let along: f32 = weights.iter().zip(axes[axis]).map(|(w, x)| w * x).sum();
            let error = weights.iter().zip(axes[axis]).map(|(w, x)| (w - along.signum() * x).abs());
            assert!(error.fold(0.0, f32::max) < 1e-4, "{rule}: {weights:?}");
        }
        assert_eq!(parameter(&mut network, "layer.0.bias"), bias);
    }
}

#[test]
fn a_recurrent_layer_learns_under_every_relative_that_works_on_outputs() {
    let device = Device::open().unwrap();
    let layers =
        [json!({ "type": "conv1d", "channels": 4, "kernel": 2 }), json!({ "type": "gru", "hidden": 3 })];
    let shape = MapShape { time: 1, location: 1, batch: 4, extent: [6, 1, 1], channels: 2 };
    let network =
        |rule, modules: &[_]| build(&device, rule, &layers, modules, shape, OptimiserSpec::default());
    for rule in ["bcm", "lpl", "forward_forward", "scff", "dfa", "clapp_pp", "infonce"] {
        for modules in [&[0..1, 1..2][..], std::slice::from_ref(&(0..2))] {
            let mut network = network(rule, modules).unwrap();
            for _ in 0..2 {
                let updates = step(&mut network, waves(&device, shape));
                for name in ["layer.0.weight", "layer.1.weight_ih", "layer.1.weight_hh"] {
                    let moved = updates[name].iter().any(|&value| value != 0.0);
                    assert!(moved && updates[name].iter().all(|value| value.is_finite()), "{rule}: {name}");
                }
            }
        }
    }
    let error = network("oja", &[0..1, 1..2]).err().unwrap().to_string();
    assert!(error.contains("layer 2: does not provide the summed inputs"), "{error}");
}

#[test]
fn summed_inputs_before_batch_normalisation_are_refused_with_the_remedy() {
    let device = Device::open().unwrap();
    let layer = json!({ "type": "conv2d", "channels": 3, "kernel": 3, "batch_norm": true });
    for rule in ["oja", "sanger", "softhebb"] {
        let modules = std::slice::from_ref(&(0..1));
        let network =
            build(&device, rule, std::slice::from_ref(&layer), modules, SHAPE, OptimiserSpec::default());
        let error = network.err().unwrap().to_string();
        assert!(error.contains("remove `batch_norm`"), "{rule}: {error}");
    }
}

/// The shape of summed inputs above a layer that normalises over the batch, on maps of one position.
#[test]
fn summed_inputs_above_batch_normalisation_in_a_block_are_learned_from() {
    let device = Device::open().unwrap();
    let layer = json!({ "type": "block", "layers": [
        { "type": "batch_norm", "affine": false },
        { "type": "dense", "channels": 3, "relu": false },
        { "type": "triangle" }
    ] });
    let shape = MapShape { extent: [1; 3], channels: 5, ..SHAPE };
    let optimiser = OptimiserSpec::default();
    let mut network =
        build(&device, "softhebb", &[layer.clone(), layer], &[0..1, 1..2], shape, optimiser).unwrap();
    let updates = step(&mut network, waves(&device, shape));
    for (name, update) in updates.iter().filter(|(name, _)| name.ends_with("weight")) {
        assert!(update.iter().any(|&value| value != 0.0), "{name}");
    }
}

#[test]
fn what_can_never_make_a_step_is_refused_when_the_network_is_built() {
    let device = Device::open().unwrap();
    let refusal = |rule: &str, layers: &[Value], input: MapShape| {
        let modules: Vec<_> = (0..layers.len()).map(|layer| layer..layer + 1).collect();
        let network = build(&device, rule, layers, &modules, input, OptimiserSpec::default());
        network.err().unwrap().to_string()
    };
    let layer = json!({ "type": "conv2d", "channels": 3, "kernel": 3, "padding": 1 });
    for (rule, inputs, least) in
        [("clapp", 1, 2), ("clapp_paired", 3, 4), ("clapp_pp", 2, 2), ("infonce", 2, 2), ("nt_xent", 2, 2)]
    {
        let error = refusal(rule, std::slice::from_ref(&layer), MapShape { batch: inputs, ..SHAPE });
        let expected = format!("needs at least {least} in a batch");
        assert!(error.starts_with("training.batch: is ") && error.contains(&expected), "{rule}: {error}");
    }
    // Rows of a batch are not views if only the network makes one step in time of several.
    let conv = |kernel: usize| json!({ "type": "conv1d", "channels": 3, "kernel": kernel });
    let sequence = MapShape { extent: [4, 1, 1], ..SHAPE };
    let error = refusal("lpl", &[conv(1), conv(4)], sequence);
    assert!(error.starts_with("encoder: module 2 has one step in time"), "{error}");
}

#[test]
fn every_relative_learns_in_a_network_of_two_modules() {
    let device = Device::open().unwrap();
    for rule in ["oja", "sanger", "bcm", "softhebb", "lpl", "forward_forward", "scff", "dfa", "clapp_pp"] {
        let mut network = network(&device, rule);
        for _ in 0..3 {
            let updates = step(&mut network, input(&device));
            for layer in ["layer.0.weight", "layer.1.weight"] {
                let moved = updates[layer].iter().any(|&value| value != 0.0);
                assert!(moved && updates[layer].iter().all(|value| value.is_finite()), "{rule}: {layer}");
            }
        }
    }
}

#[test]
fn copies_of_the_classifier_stay_the_same_under_direct_feedback() {
    let device = Device::open().unwrap();
    let mut network = network(&device, "dfa");
    for _ in 0..3 {
        step(&mut network, input(&device));
    }
    let parameters: BTreeMap<_, _> = network.parameters().into_iter().collect();
    let get = |name: &str| parameters[name].get().unwrap();
    assert_eq!(get("module.0.readout.weight"), get("module.1.readout.weight"));
    assert!(get("module.0.readout.weight").iter().any(|&weight| weight != 0.0));
    assert_ne!(get("module.0.feedback"), get("module.1.feedback"));
}

#[test]
fn a_threshold_that_slides_is_saved_and_restored() {
    let device = Device::open().unwrap();
    let mut network = network(&device, "bcm");
    step(&mut network, input(&device));
    let state = network.state().unwrap();
    assert_ne!(state.tensors["module.0.threshold"].values, [1.0; 3]);
    let mut other = self::network(&device, "bcm");
    other.restore(&state).unwrap();
    assert_eq!(step(&mut network, input(&device)), step(&mut other, input(&device)));
}
