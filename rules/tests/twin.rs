//! `clapp_twin`: weights that begin alike and move by the same factors stay alike, and teach as one shared weight does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::stream;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_rules as _;
use rand::RngExt;

const SHAPE: RepresentationShape = RepresentationShape { time: 5, location: 2, batch: 6, channel: 4 };
const STEPS: usize = 2;

fn rule(name: &str) -> Box<dyn PlasticityRule> {
    let spec: Box<dyn RuleSpec> =
        toml::from_str(&format!("type = \"{name}\"\nprediction_steps = {STEPS}")).unwrap();
    spec.build(&Site::new(&Device::open().unwrap(), SHAPE), &mut stream(1, &[])).unwrap()
}

/// The update on activities of a step, which are positive, as those of a layer.
fn update(rule: &mut dyn PlasticityRule, step: u64) -> RuleUpdate {
    let mut random = stream(2, &[step]);
    let values = (0..SHAPE.len()).map(|_| random.random_range(0.0..1.0)).collect();
    let target = Representation::new(SHAPE, Buffer::from_vec(&Device::open().unwrap(), values).unwrap());
    rule.update(&Signals::new(&target.unwrap()), &mut SeededDraws { seed: 3, step, module: 0 }).unwrap()
}

/// W_pred and W_retroᵀ of every prediction step after some steps of learning.
fn learned(rule: &mut dyn PlasticityRule) -> Vec<[Vec<f32>; 2]> {
    for step in 0..20 {
        let own = update(rule, step).own;
        for (parameter, moved) in rule.parameters().into_iter().zip(own) {
            let moved = moved.to_vec().unwrap().into_iter().map(|value| 0.1 * value);
            let values: Vec<f32> = parameter.get().unwrap().iter().zip(moved).map(|(w, by)| w + by).collect();
            parameter.set(&values).unwrap();
        }
    }
    let n = SHAPE.channel;
    let weights: Vec<Vec<f32>> = rule.parameters().iter().map(|weight| weight.get().unwrap()).collect();
    let transposed = |weight: &[f32]| (0..n * n).map(|at| weight[at % n * n + at / n]).collect();
    (0..STEPS).map(|k| [weights[k].clone(), transposed(&weights[STEPS + k])]).collect()
}

/// How far two vectors are from each other, as a share of the first one's length.
fn apart(one: &[f32], other: &[f32]) -> f32 {
    let length =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    length(&mut one.iter().zip(other).map(|(a, b)| a - b)) / length(&mut one.iter().copied())
}

#[test]
fn weights_that_begin_alike_stay_alike_and_others_do_not() {
    let begun =
        rule("clapp_twin").parameters().iter().map(|weight| weight.get().unwrap()).collect::<Vec<_>>();
    for (begun, [predict, retrodict]) in begun.iter().zip(learned(rule("clapp_twin").as_mut())) {
        assert!(apart(begun, &predict) > 0.01, "nothing was learned: {predict:?}");
        assert!(apart(&predict, &retrodict) < 1e-4, "{predict:?} {retrodict:?}");
    }
    for [predict, retrodict] in learned(rule("clapp").as_mut()) {
        assert!(apart(&predict, &retrodict) > 0.1, "{predict:?} {retrodict:?}");
    }
}

#[test]
fn twins_teach_both_sides_as_one_shared_weight_does() {
    let (mut twins, mut shared) = (rule("clapp_twin"), rule("hinge_cpc_time_local"));
    let weights = learned(twins.as_mut());
    for (parameter, [predict, _]) in shared.parameters().into_iter().zip(&weights) {
        parameter.set(predict).unwrap();
    }
    let (ours, expected) = (update(twins.as_mut(), 99), update(shared.as_mut(), 99));
    assert!(apart(&expected.target.to_vec().unwrap(), &ours.target.to_vec().unwrap()) < 1e-3);
}
