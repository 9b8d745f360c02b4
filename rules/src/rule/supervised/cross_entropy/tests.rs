//! Labels of inputs and of frames, against automatic differentiation and a sum written out.

use super::CrossEntropy;
use crate::testing::{assert_follows_loss, context, draws, relative, representation, values};
use approx::assert_abs_diff_eq;
use plasticity_core::plasticity::autodiff;
use plasticity_core::plasticity::{PlasticityRule, RuleUpdate, Signals};
use plasticity_core::random::stream;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::stimulus::UNLABELLED;

const SHAPE: RepresentationShape = RepresentationShape { time: 7, location: 2, batch: 3, channel: 5 };

fn rule(channel: usize) -> CrossEntropy {
    let mut rule = CrossEntropy::new("t", channel, &context(SHAPE, SHAPE), &mut stream(1, &[])).unwrap();
    for (index, parameter) in rule.parameters().into_iter().enumerate() {
        parameter.set(&values(parameter.value().len(), 7 + index as u64)).unwrap();
    }
    rule
}

fn update(labels: &[u32]) -> plasticity_core::Result<RuleUpdate> {
    let target = representation(SHAPE, 1);
    let signals = Signals::new(&target).with_labels(labels);
    rule(SHAPE.channel).update(&signals, &mut draws())
}

/// Labels for `frames` frames of each of three inputs; every third frame has none.
fn labels(frames: u32) -> Vec<u32> {
    (0..3 * frames).map(|at| if at % 3 == 1 { UNLABELLED } else { at % 4 }).collect()
}

#[test]
fn the_closed_form_is_the_derivative_of_the_loss_for_inputs_and_for_any_number_of_frames() {
    let target = representation(SHAPE, 1);
    let of = |labels: &[u32]| {
        let signals = Signals::new(&target).with_labels(labels);
        assert_follows_loss(&mut rule(SHAPE.channel), &signals);
    };
    of(&[0, 3, 1]);
    // Fewer frames than steps, as many, more, and a number that does not divide them.
    for frames in [2, 7, 14, 3] {
        of(&labels(frames));
    }
}

#[test]
fn a_frame_is_the_mean_of_its_own_steps_and_only_labelled_ones_count() {
    let target = representation(SHAPE, 1);
    let (x, weight, bias) = (target.data().to_vec().unwrap(), values(20, 7), values(4, 8));
    // Seven steps in three frames: 0–1, 2–3, 4–6. One label: input 1, frame 2, class 3.
    let mut labels = [UNLABELLED; 9];
    labels[5] = 3;
    let mut mean = [0.0; 5];
    for (step, location) in [(4, 0), (4, 1), (5, 0), (5, 1), (6, 0), (6, 1)] {
        let row = (step * 2 + location) * 3 + 1;
        (0..5).for_each(|neuron| mean[neuron] += x[row * 5 + neuron] / 6.0);
    }
    let logit = |class: usize| (0..5).map(|n| weight[class * 5 + n] * mean[n]).sum::<f32>() + bias[class];
    let logits: Vec<f32> = (0..4).map(logit).collect();
    let expected = logits.iter().map(|l| l.exp()).sum::<f32>().ln() - logits[3];
    let made = update(&labels).unwrap();
    assert_abs_diff_eq!(made.loss.to_vec().unwrap()[0], expected, epsilon = 1e-5);
    let moved = made.target.to_vec().unwrap();
    for (row, neurons) in moved.chunks_exact(5).enumerate() {
        let inside = row / 6 >= 4 && row % 3 == 1;
        assert_eq!(neurons.iter().any(|v| *v != 0.0), inside, "row {row}");
    }
}

#[test]
fn without_a_label_nothing_moves() {
    let made = update(&[UNLABELLED; 6]).unwrap();
    for buffer in [&made.loss, &made.target, &made.own[0], &made.own[1]] {
        assert!(buffer.to_vec().unwrap().iter().all(|v| *v == 0.0));
    }
}

#[test]
fn of_a_recurrent_layer_the_output_is_probed_and_its_input_gets_nothing() {
    let (target, seen) = (representation(SHAPE, 1), RepresentationShape { channel: 2, ..SHAPE });
    let seen = representation(seen, 2);
    let labels = labels(7);
    let signals = Signals::new(&target).with_context(&seen).with_labels(labels.as_slice());
    let mut rule = rule(2);
    let made = rule.update(&signals, &mut draws()).unwrap();
    let expected = autodiff::update(&mut rule, &signals, &mut draws()).unwrap().unwrap();
    assert!(made.target.to_vec().unwrap().iter().all(|v| *v == 0.0));
    let [ours, theirs] = [&made, &expected].map(|update| update.context.as_ref().unwrap().to_vec().unwrap());
    assert!(relative(&ours, &theirs) < 1e-4);
}

#[test]
fn labels_that_do_not_fit_are_errors() {
    for (labels, expected) in
        [(&[0, 1][..], "2 labels"), (&[], "0 labels"), (&[0, 1, 4], "label 4 is not one of the 4 classes")]
    {
        let error = update(labels).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{labels:?}: {error}");
    }
}
