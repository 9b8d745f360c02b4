//! Compares steps of every optimiser with steps computed by hand in float64.

use super::*;
use approx::assert_relative_eq;
use plasticity_core::device::Device;

fn steps(spec: OptimiserSpec, updates: &[f32]) -> f32 {
    let device = Device::open().unwrap();
    let mut parameter = Parameter::plain(&device, "w", &[1], &[1.0]).unwrap();
    let mut optimiser = Optimiser::new(spec);
    for &update in updates {
        let update = Buffer::from_vec(&device, vec![update]).unwrap();
        optimiser.step(vec![&mut parameter], &[update]).unwrap();
    }
    parameter.get().unwrap()[0]
}

/// Computed by hand in float64: in the first step, Adam moves by rate · sign, for any size of the update.
#[test]
fn adam_moves_by_its_rate_at_first() {
    let spec = OptimiserSpec::adam(0.1, 0.0);
    assert_relative_eq!(steps(spec, &[5.0]), 1.1, epsilon = 1e-6);
    // m₂ = (0.9 · 0.5 − 0.1 · 1) / 0.19, v₂ = (0.999 · 0.025 + 0.001) / 0.001999
    let expected = 1.1 + 0.1 * ((0.45 - 0.1) / 0.19) / ((0.999 * 0.025 + 0.001f64) / 0.001_999).sqrt();
    assert_relative_eq!(f64::from(steps(spec, &[5.0, -1.0])), expected, epsilon = 1e-6);
}

#[test]
fn sgd_gathers_momentum_and_decays_weights() {
    let spec = OptimiserSpec::Sgd { rate: 0.1, momentum: 0.5, weight_decay: 0.2, decay_biases: true };
    // v₁ = 1 − 0.2 = 0.8, w₁ = 1.08; v₂ = 0.4 + 1 − 0.216 = 1.184, w₂ = 1.1984
    assert_relative_eq!(steps(spec, &[1.0, 1.0]), 1.1984, epsilon = 1e-6);
}

#[test]
fn hebbian_rates_fall_as_neurons_come_to_length_one() {
    let device = Device::open().unwrap();
    // Lengths 5, 1 and 2; the largest entry of the update is 4.
    let mut parameter = Parameter::plain(&device, "w", &[3, 2], &[3.0, 4.0, 1.0, 0.0, 0.0, 2.0]).unwrap();
    let update = Buffer::from_vec(&device, vec![4.0, 0.0, 2.0, 2.0, -2.0, 1.0]).unwrap();
    let mut optimiser = Optimiser::new(OptimiserSpec::Hebbian { rate: 0.1, power: 0.5 });
    optimiser.step(vec![&mut parameter], &[update]).unwrap();
    let expected = [3.2, 4.0, 1.0, 0.0, -0.05, 2.025];
    for (found, expected) in parameter.get().unwrap().into_iter().zip(expected) {
        assert_relative_eq!(found, expected, epsilon = 1e-6);
    }
    let lost = Buffer::from_vec(&device, vec![f32::NAN; 6]).unwrap();
    optimiser.step(vec![&mut parameter], &[lost]).unwrap();
    assert!(parameter.get().unwrap()[0].is_nan());
}

#[test]
fn hebbian_steps_leave_parameters_without_an_update_as_they_are() {
    assert_eq!(steps(OptimiserSpec::Hebbian { rate: 8.0, power: 0.5 }, &[0.0]), 1.0);
}

/// A weight of two axes and a bias after updates of both, each the same in every step.
fn weight_and_bias(spec: OptimiserSpec, steps: usize) -> ([f32; 2], f32) {
    let device = Device::open().unwrap();
    let mut weight = Parameter::plain(&device, "w", &[1, 2], &[3.0, 4.0]).unwrap();
    let mut bias = Parameter::plain(&device, "b", &[1], &[2.0]).unwrap();
    let mut optimiser = Optimiser::new(spec);
    let update = |values: &[f32]| Buffer::from_vec(&device, values.to_vec()).unwrap();
    for _ in 0..steps {
        optimiser.step(vec![&mut weight, &mut bias], &[update(&[0.6, -0.8]), update(&[0.5])]).unwrap();
    }
    let weight = weight.get().unwrap();
    ([weight[0], weight[1]], bias.get().unwrap()[0])
}

/// With updates that stay the same, Adam moves by rate · sign in every step: 0.1 and −0.1 here.
#[test]
fn adamw_shrinks_weights_apart_from_its_step_and_can_leave_out_biases() {
    let spec = |decay_biases| {
        let (rate, beta1, beta2, epsilon, weight_decay) = (0.1, 0.9, 0.999, 1e-8, 0.5);
        OptimiserSpec::AdamW { rate, beta1, beta2, epsilon, weight_decay, decay_biases }
    };
    // w ← 0.95 w ± 0.1, twice.
    let (weight, bias) = weight_and_bias(spec(true), 2);
    assert_relative_eq!(weight[0], (3.0 * 0.95 + 0.1) * 0.95 + 0.1, epsilon = 1e-5);
    assert_relative_eq!(weight[1], (4.0 * 0.95 - 0.1) * 0.95 - 0.1, epsilon = 1e-5);
    assert_relative_eq!(bias, (2.0 * 0.95 + 0.1) * 0.95 + 0.1, epsilon = 1e-5);
    let (without, bias) = weight_and_bias(spec(false), 2);
    assert_eq!(without, weight);
    assert_relative_eq!(bias, 2.2, epsilon = 1e-5);
}

#[test]
fn adam_and_sgd_can_leave_out_biases() {
    let sgd = OptimiserSpec::Sgd { rate: 0.1, momentum: 0.0, weight_decay: 0.5, decay_biases: false };
    // 3 + 0.1 (0.6 − 1.5), 4 + 0.1 (−0.8 − 2), 2 + 0.1 · 0.5
    let (weight, bias) = weight_and_bias(sgd, 1);
    assert_relative_eq!(weight[0], 2.91, epsilon = 1e-6);
    assert_relative_eq!(weight[1], 3.72, epsilon = 1e-6);
    assert_relative_eq!(bias, 2.05, epsilon = 1e-6);
    let mut adam = OptimiserSpec::adam(0.1, 0.5);
    if let OptimiserSpec::Adam { decay_biases, .. } = &mut adam {
        *decay_biases = false;
    }
    // The first step depends only on the signs of 0.6 − 1.5, −0.8 − 2 and 0.5.
    let (weight, bias) = weight_and_bias(adam, 1);
    assert_relative_eq!(weight[0], 2.9, epsilon = 1e-6);
    assert_relative_eq!(weight[1], 3.9, epsilon = 1e-6);
    assert_relative_eq!(bias, 2.1, epsilon = 1e-6);
}

#[test]
fn lars_moves_each_parameter_by_a_share_of_its_length() {
    let spec = |weight_decay, decay_biases| OptimiserSpec::Lars {
        rate: 2.0,
        momentum: 0.5,
        weight_decay,
        trust: 0.01,
        decay_biases,
    };
    // ‖w‖ = 5, ‖U‖ = 1: λ = 0.05, and the weight moves by 2 · 0.05 · U; the bias, with λ = 1, by 2 · 0.5.
    let (weight, bias) = weight_and_bias(spec(0.0, false), 1);
    assert_relative_eq!(weight[0], 3.06, epsilon = 1e-6);
    assert_relative_eq!(weight[1], 3.92, epsilon = 1e-6);
    assert_relative_eq!(bias, 3.0, epsilon = 1e-6);
    // With decay 0.2: λ = 0.01 · 5 / (1 + 1), U − 0.2 w = (0, −1.6). The bias: λ = 0.01 · 2 / (0.5 + 0.4), moved by
    // 2 λ (0.5 − 0.4).
    let (weight, bias) = weight_and_bias(spec(0.2, true), 1);
    assert_relative_eq!(weight[0], 3.0, epsilon = 1e-6);
    assert_relative_eq!(weight[1], 4.0 - 2.0 * 0.025 * 1.6, epsilon = 1e-6);
    assert_relative_eq!(bias, 2.0 + 2.0 * (0.02 / 0.9) * 0.1, epsilon = 1e-6);
    // The bias without decay, twice: velocities 1 and 0.5 · 1 + 1.
    assert_relative_eq!(weight_and_bias(spec(0.0, false), 2).1, 2.0 + 1.0 + 1.5, epsilon = 1e-6);
}

#[test]
fn factors_of_the_schedule_and_of_parameters_multiply_the_rate() {
    let device = Device::open().unwrap();
    for spec in [
        OptimiserSpec::adam(0.1, 0.0),
        OptimiserSpec::Sgd { rate: 0.1, momentum: 0.0, weight_decay: 0.0, decay_biases: true },
    ] {
        let mut parameters: Vec<_> =
            ["a", "b"].iter().map(|name| Parameter::plain(&device, name, &[1, 1], &[0.0]).unwrap()).collect();
        let updates = [1.0, 1.0].map(|value| Buffer::from_vec(&device, vec![value]).unwrap());
        let mut optimiser = Optimiser::new(spec);
        optimiser.scale_rate(0.5);
        let factors = [1.0, 0.25];
        optimiser.step_each(parameters.iter_mut().zip(factors).collect(), &updates).unwrap();
        let moved: Vec<f32> = parameters.iter().map(|parameter| parameter.get().unwrap()[0]).collect();
        assert_relative_eq!(moved[0], 0.05, epsilon = 1e-6);
        assert_relative_eq!(moved[1], 0.0125, epsilon = 1e-6);
    }
}

/// A weight of two axes after one step with a factor of the schedule and a factor of its own.
fn factored(spec: OptimiserSpec, schedule: f64, own: f32) -> Vec<f32> {
    let device = Device::open().unwrap();
    let mut weight = Parameter::plain(&device, "w", &[1, 2], &[3.0, 4.0]).unwrap();
    let update = Buffer::from_vec(&device, vec![0.6, -0.8]).unwrap();
    let mut optimiser = Optimiser::new(spec);
    optimiser.scale_rate(schedule);
    optimiser.step_each(vec![(&mut weight, own)], &[update]).unwrap();
    weight.get().unwrap()
}

/// Also in the weight decay of AdamW, which does not go through the update.
#[test]
fn a_factor_acts_as_another_rate_in_every_optimiser() {
    let (rate, momentum, weight_decay, decay_biases) = (0.1, 0.5, 0.5, true);
    let (beta1, beta2, epsilon, trust) = (0.9, 0.999, 1e-8, 0.01);
    for spec in [
        OptimiserSpec::adam(rate, weight_decay),
        OptimiserSpec::AdamW { rate, beta1, beta2, epsilon, weight_decay, decay_biases },
        OptimiserSpec::Sgd { rate, momentum, weight_decay, decay_biases },
        OptimiserSpec::Lars { rate, momentum, weight_decay, trust, decay_biases },
        OptimiserSpec::Hebbian { rate, power: 0.5 },
    ] {
        let at = |factor| factored(spec.scaled(factor), 1.0, 1.0);
        assert_eq!(factored(spec, 0.5, 1.0), at(0.5), "{spec:?}");
        assert_eq!(factored(spec, 1.0, 0.25), at(0.25), "{spec:?}");
    }
}
