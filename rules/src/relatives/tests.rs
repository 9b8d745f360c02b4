//! Closed forms against automatic differentiation, or against sums written out.

use super::*;
use crate::plasticity::CrossEntropy;
use crate::testing::{assert_follows_loss, context, draws, relative, representation, values};
use crate::views::{ClappPp, InfoNce};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::plasticity::{ContextSource, PlasticityRule, RuleContext, RuleSpec, Signals};
use plasticity_core::random::stream;
use plasticity_core::representation::{Representation, RepresentationShape};

const SHAPE: RepresentationShape = RepresentationShape { time: 2, location: 3, batch: 4, channel: 5 };

fn build(spec: &dyn RuleSpec, shape: RepresentationShape) -> Box<dyn PlasticityRule> {
    spec.build(&context(shape, shape), &mut stream(1, &[])).unwrap()
}

fn alone(target: &Representation) -> Signals<'_> {
    Signals { target, context: None, top: None, labels: None }
}

#[test]
fn lpl_follows_its_loss_on_patches_and_on_views() {
    for shape in [SHAPE, RepresentationShape { time: 1, batch: 6, ..SHAPE }] {
        let target = representation(shape, 1);
        assert_follows_loss(build(&Lpl::default(), shape).as_mut(), &alone(&target));
        let alone_each = Lpl { hebbian: 0.0, decorrelation: 0.0, ..Lpl::default() };
        assert_follows_loss(build(&alone_each, shape).as_mut(), &alone(&target));
    }
}

#[test]
fn forward_forward_and_scff_follow_their_losses() {
    let target = representation(SHAPE, 1);
    let ff = ForwardForward { threshold: 0.4, ..ForwardForward::default() };
    assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
    let scff = Scff { positive_threshold: 0.3, negative_threshold: 0.5 };
    assert_follows_loss(build(&scff, SHAPE).as_mut(), &alone(&target));
}

#[test]
fn bcm_follows_its_loss_and_its_threshold_slides_once_a_step_is_applied() {
    let target = representation(SHAPE, 1);
    let mut rule = build(&Bcm { window: 4.0, threshold: 0.5 }, SHAPE);
    let before = rule.parameters()[0].get().unwrap();
    assert_eq!(before, [0.5; 5]);
    rule.update(&alone(&target), &mut draws()).unwrap();
    assert_eq!(rule.parameters()[0].get().unwrap(), before);
    rule.applied().unwrap();
    let z = target.data().to_vec().unwrap();
    for (neuron, after) in rule.parameters()[0].get().unwrap().into_iter().enumerate() {
        let mean = z.iter().skip(neuron).step_by(5).map(|y| y * y).sum::<f32>() / 24.0;
        assert!((after - (0.5 + (mean - 0.5) / 4.0)).abs() < 1e-5);
    }
    assert_follows_loss(rule.as_mut(), &alone(&target));
}

/// y, and M, of a rule whose update is mean y ⊗ x + M W.
fn synaptic(spec: &dyn RuleSpec, target: &Representation) -> (Vec<f32>, Vec<f32>) {
    let made = build(spec, target.shape()).update(&alone(target), &mut draws()).unwrap();
    (made.target.to_vec().unwrap(), made.lateral.unwrap().to_vec().unwrap())
}

#[test]
fn oja_and_sanger_decay_by_their_correlations() {
    let target = representation(SHAPE, 1);
    let a = target.data().to_vec().unwrap();
    let mean = |j: usize, k: usize| a.chunks_exact(5).map(|row| row[j] * row[k]).sum::<f32>() / 24.0;
    let expected: Vec<f32> = a.iter().map(|a| a / 24.0).collect();
    for (spec, order) in [(&Oja {} as &dyn RuleSpec, false), (&Sanger {}, true)] {
        let (y, lateral) = synaptic(spec, &target);
        assert!(relative(&y, &expected) < 1e-6);
        for (place, value) in lateral.into_iter().enumerate() {
            let (j, k) = (place / 5, place % 5);
            let keeps = j == k || (order && k < j);
            let expected = if keeps { -mean(j, k) } else { 0.0 };
            assert!((value - expected).abs() < 1e-6, "{j} {k}: {value} {expected}");
        }
    }
}

/// SoftHebb's y without anti-Hebbian losers is the derivative of τ log Σ exp(a/τ), and M its decay.
#[test]
fn softhebb_competes_by_a_softmax_and_its_losers_unlearn() {
    let target = representation(SHAPE, 1);
    let a = target.data().to_vec().unwrap();
    let tau = 0.5;
    let plain = SoftHebb { temperature: tau, anti_hebbian: false };
    let (y, lateral) = synaptic(&plain, &target);
    let drive = |row: &[f32]| tau * row.iter().map(|a| (a / tau).exp()).sum::<f32>().ln();
    for (row, y) in a.chunks_exact(5).zip(y.chunks_exact(5)) {
        for neuron in 0..5 {
            let nudged = |by: f32| {
                let mut row = row.to_vec();
                row[neuron] += by;
                drive(&row)
            };
            let slope = (nudged(1e-2) - nudged(-1e-2)) / 2e-2;
            assert!((24.0 * y[neuron] - slope).abs() < 1e-3);
        }
    }
    for neuron in 0..5 {
        let expected: f32 = a.iter().zip(&y).skip(neuron).step_by(5).map(|(a, y)| -a * y).sum();
        assert!((lateral[neuron * 6] - expected).abs() < 1e-6);
    }
    let (signed, _) = synaptic(&SoftHebb { anti_hebbian: true, ..plain.clone() }, &target);
    for ((row, y), signed) in a.chunks_exact(5).zip(y.chunks_exact(5)).zip(signed.chunks_exact(5)) {
        let winner = (0..5).max_by(|&j, &k| row[j].total_cmp(&row[k])).unwrap();
        for neuron in 0..5 {
            let sign = if neuron == winner { 1.0 } else { -1.0 };
            assert_eq!(signed[neuron], sign * y[neuron]);
        }
    }
}

#[test]
fn dfa_reads_out_as_cross_entropy_and_sends_its_error_through_fixed_weights() {
    let top_shape = RepresentationShape { time: 1, location: 2, batch: 4, channel: 3 };
    let to = context(SHAPE, top_shape);
    let (target, top) = (representation(SHAPE, 1), representation(top_shape, 2));
    let labels = [0, 3, 1, 1];
    let signals = Signals { target: &target, context: None, top: Some(&top), labels: Some(&labels) };
    let mut rule = Dfa {}.build(&to, &mut stream(1, &[])).unwrap();
    let twin = Dfa {}.build(&to, &mut stream(2, &[])).unwrap();
    assert_eq!(rule.parameters()[0].get().unwrap(), twin.parameters()[0].get().unwrap());
    assert_ne!(rule.parameters()[2].get().unwrap(), twin.parameters()[2].get().unwrap());
    let mut readout = CrossEntropy::new("t", 3, &context(top_shape, top_shape), &mut stream(1, &[])).unwrap();
    for (index, shape) in [(0, 12), (1, 4)] {
        let weights = values(shape, 9 + index as u64);
        rule.parameters_mut()[index].set(&weights).unwrap();
        readout.parameters_mut()[index].set(&weights).unwrap();
    }
    let expected = readout
        .update(&Signals { target: &top, context: None, top: None, labels: Some(&labels) }, &mut draws())
        .unwrap();
    let made = rule.update(&signals, &mut draws()).unwrap();
    let host = |buffer: &Buffer| buffer.to_vec().unwrap();
    assert!(relative(&host(&made.loss), &host(&expected.loss)) < 1e-6);
    for (own, expected) in made.own.iter().zip(&expected.own) {
        assert!(relative(&host(own), &host(expected)) < 1e-6);
    }
    // Each input's post factor is Bᵀ e, shared among its places.
    let errors = host(&readout.error(&top, Some(&labels)).unwrap().errors);
    let feedback = rule.parameters()[2].get().unwrap();
    let mut delta = Vec::new();
    for row in 0..SHAPE.rows() {
        for neuron in 0..5 {
            let sum = (0..4).map(|class| errors[row % 4 * 4 + class] * feedback[class * 5 + neuron]);
            delta.push(sum.sum::<f32>() / 6.0);
        }
    }
    assert!(relative(&host(&made.target), &delta) < 1e-5);
    assert!(rule.update(&alone(&target), &mut draws()).is_err());
}

#[test]
fn of_a_recurrent_layer_the_output_learns_and_its_input_gets_nothing() {
    let shape = RepresentationShape { time: 2, location: 1, batch: 4, channel: 5 };
    let below = representation(RepresentationShape { channel: 3, ..shape }, 1);
    let (output, top) = (representation(shape, 2), representation(shape, 3));
    let to = RuleContext { context: shape, ..context(below.shape(), shape) };
    let labels = [0, 3, 1, 1];
    let signals = Signals { target: &below, context: Some(&output), top: Some(&top), labels: Some(&labels) };
    let specs: [&dyn RuleSpec; 7] = [
        &Lpl::default(),
        &ForwardForward::default(),
        &Scff::default(),
        &Bcm::default(),
        &InfoNce::default(),
        &ClappPp::default(),
        &Dfa {},
    ];
    for spec in specs {
        let mut rule = spec.build(&to, &mut stream(1, &[])).unwrap();
        if !spec.supervised() || spec.context() == ContextSource::Same {
            assert_follows_loss(rule.as_mut(), &signals);
        }
        let made = rule.update(&signals, &mut draws()).unwrap();
        let alone =
            rule.update(&Signals { target: &output, context: None, ..signals }, &mut draws()).unwrap();
        let factor = made.context.unwrap().to_vec().unwrap();
        assert!(factor.iter().any(|value| *value != 0.0), "{spec:?}");
        assert_eq!(factor, alone.target.to_vec().unwrap(), "{spec:?}");
        assert!(made.target.to_vec().unwrap().iter().all(|value| *value == 0.0), "{spec:?}");
    }
}

#[test]
fn rows_that_do_not_fit_are_errors() {
    let device = Device::open().unwrap();
    let shape = RepresentationShape { time: 1, location: 1, batch: 1, channel: 5 };
    let one = Representation::new(shape, Buffer::from_vec(&device, vec![0.0; 5]).unwrap()).unwrap();
    for spec in [&Lpl::default() as &dyn RuleSpec, &ForwardForward::default(), &Scff::default()] {
        assert!(build(spec, shape).update(&alone(&one), &mut draws()).is_err(), "{spec:?}");
    }
}
