//! Functions that the tests of rules share.

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::plasticity::autodiff;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::stream;
use plasticity_core::representation::{Representation, RepresentationShape};
use rand::RngExt;

/// Random values in −1..1.
pub fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut random = stream(seed, &[99]);
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// A representation of random values in −1..1.
pub fn representation(shape: RepresentationShape, seed: u64) -> Representation {
    let data = Buffer::from_vec(&Device::open().unwrap(), values(shape.len(), seed)).unwrap();
    Representation::new(shape, data).unwrap()
}

/// The site of a rule in a network of three modules with this target and this top, and four classes.
pub fn context(target: RepresentationShape, top: RepresentationShape) -> Site<'static> {
    let device = Box::leak(Box::new(Device::open().unwrap()));
    Site::new(device, target).with_top(top).with_module(0, 3).with_classes(4)
}

/// The draws of a test.
pub fn draws() -> SeededDraws {
    SeededDraws { seed: 5, step: 3, module: 0 }
}

/// ‖a − b‖ / ‖b‖; 0 if both are zero.
pub fn relative(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied()).max(f32::MIN_POSITIVE)
}

/// Compares a rule's closed form with automatic differentiation of its loss, on weights of order one.
pub fn assert_follows_loss(rule: &mut dyn PlasticityRule, signals: &Signals) -> RuleUpdate {
    for (index, parameter) in rule.parameters().into_iter().enumerate() {
        let len = parameter.value().len();
        parameter.set(&values(len, 7 + index as u64)).unwrap();
    }
    let expected = autodiff::update(rule, signals, &mut draws()).unwrap().unwrap();
    let made = rule.update(signals, &mut draws()).unwrap();
    let close = |what: &str, a: &Buffer, b: &Buffer| {
        let error = relative(&a.to_vec().unwrap(), &b.to_vec().unwrap());
        assert!(error < 1e-4, "{what}: relative error {error}");
    };
    close("loss", &made.loss, &expected.loss);
    close("target", &made.target, &expected.target);
    assert_eq!(made.context.is_some(), expected.context.is_some());
    made.context.iter().zip(&expected.context).for_each(|(a, b)| close("context", a, b));
    assert_eq!(made.own.len(), expected.own.len());
    made.own.iter().zip(&expected.own).for_each(|(a, b)| close("own", a, b));
    made
}

/// Some patches.
pub const SHAPE: RepresentationShape = RepresentationShape { time: 2, location: 3, batch: 4, channel: 5 };

/// The rule of a module whose only representation has the shape `shape`.
pub fn build(spec: &dyn RuleSpec, shape: RepresentationShape) -> Box<dyn PlasticityRule> {
    spec.build(&context(shape, shape), &mut stream(1, &[])).unwrap()
}

/// Signals with only a target.
pub fn alone(target: &Representation) -> Signals<'_> {
    Signals::new(target)
}

/// The error of building a spec.
pub fn refusal(spec: &dyn RuleSpec) -> String {
    match spec.build(&context(SHAPE, SHAPE), &mut stream(1, &[])) {
        Ok(_) => panic!("was built"),
        Err(error) => error.to_string(),
    }
}

/// y, and M or its diagonal, of a rule whose update is mean y ⊗ x + M W.
pub fn synaptic(spec: &dyn RuleSpec, target: &Representation) -> (Vec<f32>, Vec<f32>) {
    let made = build(spec, target.shape()).update(&alone(target), &mut draws()).unwrap();
    (made.target.to_vec().unwrap(), made.lateral.unwrap().values().to_vec().unwrap())
}
