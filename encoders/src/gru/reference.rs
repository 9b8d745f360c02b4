//! Compares the layer with finite differences in float64. For e-prop, recurrent synapses see the hidden state of an
//! unperturbed run, so this state carries no gradient, as in Equations 20–23.

use super::{Gradient, Gru};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{EncoderLayer, Phase, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::random::stream;
use rand::RngExt;

const SAMPLES: usize = 2;
const INPUTS: usize = 3;
const HIDDEN: usize = 4;

/// Output of one sample, `[t][hidden]`; `weights`: weight_ih, weight_hh, bias_ih, bias_hh; `seen`: ⟨h⟩ of each step.
fn run(x: &[f64], weights: &[Vec<f64>], seen: Option<&[Vec<f64>]>) -> Vec<Vec<f64>> {
    let mut h = vec![0.0; HIDDEN];
    let mut all = Vec::new();
    for (t, x) in x.chunks(INPUTS).enumerate() {
        let recurrent = seen.map_or_else(|| h.clone(), |seen| seen[t].clone());
        let row = |w: &[f64], j: usize, v: &[f64]| -> f64 {
            w[j * v.len()..].iter().zip(v).map(|(w, v)| w * v).sum()
        };
        let input = |j: usize| row(&weights[0], j, x) + weights[2][j];
        let hidden = |j: usize| row(&weights[1], j, &recurrent) + weights[3][j];
        let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
        h = (0..HIDDEN)
            .map(|j| {
                let r = sigmoid(input(j) + hidden(j));
                let q = sigmoid(input(HIDDEN + j) + hidden(HIDDEN + j));
                let n = (input(2 * HIDDEN + j) + r * hidden(2 * HIDDEN + j)).tanh();
                (1.0 - q) * n + q * h[j]
            })
            .collect();
        all.push(h.clone());
    }
    all
}

/// The derivatives of Σ factor · h by every weight and every input, by central differences.
fn gradients(x: &[f64], weights: &[Vec<f64>], factor: &[f64], bptt: bool) -> (Vec<Vec<f64>>, Vec<f64>) {
    let per_sample = x.len() / SAMPLES;
    let seen: Vec<Vec<Vec<f64>>> = x
        .chunks(per_sample)
        .map(|x| {
            let mut all = run(x, weights, None);
            all.insert(0, vec![0.0; HIDDEN]);
            all
        })
        .collect();
    let objective = |x: &[f64], weights: &[Vec<f64>]| -> f64 {
        let outputs = x.chunks(per_sample).zip(&seen).flat_map(|(x, seen)| {
            run(x, weights, if bptt { None } else { Some(seen) }).into_iter().flatten()
        });
        outputs.zip(factor).map(|(h, factor)| h * factor).sum()
    };
    let step = 1e-5;
    let central = |f: &dyn Fn(f64) -> f64| (f(step) - f(-step)) / (2.0 * step);
    let by_weight = (0..4)
        .map(|p| {
            (0..weights[p].len())
                .map(|i| {
                    central(&|step| {
                        let mut moved = weights.to_vec();
                        moved[p][i] += step;
                        objective(x, &moved)
                    })
                })
                .collect()
        })
        .collect();
    let by_input = (0..x.len())
        .map(|i| {
            central(&|step| {
                let mut moved = x.to_vec();
                moved[i] += step;
                objective(&moved, weights)
            })
        })
        .collect();
    (by_weight, by_input)
}

fn relative(ours: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(ours.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut ours.iter().zip(expected).map(|(a, b)| f64::from(*a) - b)) / norm(&mut expected.iter().copied())
}

struct Pass {
    post: Vec<f32>,
    updates: Vec<Vec<f32>>,
    feedback: Vec<f32>,
    x: Vec<f64>,
    weights: Vec<Vec<f64>>,
    factor: Vec<f64>,
}

fn pass(gradient: Gradient, steps: usize) -> Pass {
    let device = Device::open().unwrap();
    let mut random = stream(3, &[steps as u64]);
    let mut gru = Gru::new(&device, INPUTS, HIDDEN, gradient, &mut random).unwrap();
    let mut draw = |len: usize| -> Vec<f32> { (0..len).map(|_| random.random_range(-1.0..1.0)).collect() };
    let (x, factor) = (draw(SAMPLES * steps * INPUTS), draw(SAMPLES * steps * HIDDEN));
    let shape = MapShape { time: 1, location: 1, batch: SAMPLES, extent: [steps, 1, 1], channels: INPUTS };
    let pre = FeatureMap::new(shape, Buffer::from_vec(&device, x.clone()).unwrap()).unwrap();
    let activity = gru.forward(&pre, Phase::Learn).unwrap();
    let signal = PostFactor::PerPosition(Buffer::from_vec(&device, factor.clone()).unwrap());
    let update = gru.plasticity(&pre, &activity.post, activity.trace, signal, true).unwrap();
    let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    Pass {
        post: activity.post.data().to_vec().unwrap(),
        updates: update.updates.iter().map(|u| u.to_vec().unwrap()).collect(),
        feedback: update.feedback.unwrap().to_vec().unwrap(),
        x: wide(&x),
        weights: gru.parameters().iter().map(|p| wide(&p.get().unwrap())).collect(),
        factor: wide(&factor),
    }
}

#[test]
fn every_form_agrees_with_finite_differences_of_its_own_equations() {
    for gradient in [Gradient::Bptt, Gradient::Eprop, Gradient::EpropForward] {
        let pass = pass(gradient, 7);
        let per_sample = pass.x.len() / SAMPLES;
        let expected: Vec<f64> =
            pass.x.chunks(per_sample).flat_map(|x| run(x, &pass.weights, None)).flatten().collect();
        assert!(relative(&pass.post, &expected) < 1e-6);
        let (weights, input) = gradients(&pass.x, &pass.weights, &pass.factor, gradient == Gradient::Bptt);
        for (ours, expected) in pass.updates.iter().zip(&weights) {
            let error = relative(ours, expected);
            assert!(error < 1e-5, "{gradient:?}: {error}");
        }
        let error = relative(&pass.feedback, &input);
        assert!(error < 1e-5, "{gradient:?}, feedback: {error}");
    }
}

#[test]
fn forward_traces_equal_the_backward_form_over_long_sequences() {
    for steps in [1, 2, 128] {
        let (backward, forward) = (pass(Gradient::Eprop, steps), pass(Gradient::EpropForward, steps));
        for (a, b) in backward.updates.iter().zip(&forward.updates) {
            let b: Vec<f64> = b.iter().map(|v| f64::from(*v)).collect();
            if b.iter().all(|v| *v == 0.0) {
                assert!(a.iter().all(|v| *v == 0.0));
            } else {
                assert!(relative(a, &b) < 1e-5);
            }
        }
    }
}

#[test]
fn eprop_differs_from_bptt_only_where_the_past_matters() {
    let (bptt, eprop) = (pass(Gradient::Bptt, 7), pass(Gradient::Eprop, 7));
    assert_ne!(bptt.updates, eprop.updates);
    let (bptt, eprop) = (pass(Gradient::Bptt, 1), pass(Gradient::Eprop, 1));
    assert_eq!(bptt.updates, eprop.updates);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let device = Device::open().unwrap();
    let mut gru = Gru::new(&device, INPUTS, HIDDEN, Gradient::Bptt, &mut stream(0, &[])).unwrap();
    let shape = MapShape { time: 1, location: 1, batch: 1, extent: [5, 1, 1], channels: INPUTS };
    for wrong in [
        MapShape { time: 7, ..shape },
        MapShape { extent: [5, 2, 1], ..shape },
        MapShape { channels: INPUTS + 1, ..shape },
    ] {
        assert!(gru.output(wrong).is_err());
    }
    let pre = FeatureMap::new(shape, Buffer::zeros(&device, shape.len()).unwrap()).unwrap();
    let activity = gru.forward(&pre, Phase::Learn).unwrap();
    let factor = PostFactor::PerSample(Buffer::zeros(&device, HIDDEN).unwrap());
    assert!(gru.plasticity(&pre, &activity.post, activity.trace, factor, false).is_err());
    let activity = gru.forward(&pre, Phase::Learn).unwrap();
    let factor = PostFactor::PerPosition(Buffer::zeros(&device, 3).unwrap());
    assert!(gru.plasticity(&pre, &activity.post, activity.trace, factor, false).is_err());
    assert!(gru.stream(1).unwrap().step(&Buffer::zeros(&device, 2).unwrap()).is_err());
}
