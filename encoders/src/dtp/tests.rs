//! The layer against plain loops, finite differences and identities.

use plasticity_core::device::{Buffer, Device, Precision};
use plasticity_core::layer::{EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::random::{normal, stream};
use rand::RngExt;
use serde_json::{Value, json};

const BATCH: usize = 3;
const INPUTS: usize = 5;
const NEURONS: usize = 4;
const STEP: f64 = 0.5;

fn shape(batch: usize, channels: usize) -> MapShape {
    MapShape { time: 1, location: 1, batch, extent: [1; 3], channels }
}

/// The device at the precision that the layer needs.
fn device() -> Device {
    let device = Device::open().unwrap();
    device.set_precision(Precision::F32).unwrap();
    device
}

fn build(spec: Value, input: MapShape) -> Box<dyn EncoderLayer> {
    let spec: Box<dyn LayerSpec> = serde_json::from_value(spec).unwrap();
    spec.build(input, &device(), &mut stream(3, &[])).unwrap()
}

fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut random = stream(seed, &[]);
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn map(shape: MapShape, values: &[f32]) -> FeatureMap {
    FeatureMap::new(shape, Buffer::from_vec(&Device::open().unwrap(), values.to_vec()).unwrap()).unwrap()
}

/// A pass and its update, with noise if `seed` is given.
fn learn(layer: &mut dyn EncoderLayer, pre: &FeatureMap, factor: &[f32], seed: Option<u64>) -> LayerUpdate {
    if let Some(seed) = seed {
        layer.draw(&mut stream(seed, &[]));
    }
    let made = layer.forward(pre, Phase::Learn).unwrap();
    let factor = PostFactor::PerPosition(Buffer::from_vec(pre.data().device(), factor.to_vec()).unwrap());
    layer.plasticity(pre, &made.post, made.trace, factor, true).unwrap()
}

fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let error = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - b));
    let error = error / norm(&mut expected.iter().copied());
    assert!(error < tolerance, "{what}: relative error {error}");
}

/// tanh(W x + b) of every row, in double precision; `weight` has a row for each neuron.
fn neurons(weight: &[f32], bias: &[f32], x: &[f64]) -> Vec<f64> {
    let inputs = weight.len() / bias.len();
    let one = |x: &[f64], j: usize| {
        let sum: f64 = x.iter().zip(&weight[j * inputs..]).map(|(x, w)| x * f64::from(*w)).sum();
        (sum + f64::from(bias[j])).tanh()
    };
    x.chunks(inputs).flat_map(|x| (0..bias.len()).map(|j| one(x, j)).collect::<Vec<_>>()).collect()
}

fn tanh(channels: usize) -> Value {
    json!({ "type": "block", "layers": [
        { "type": "dense", "channels": channels, "relu": false }, { "type": "tanh" }
    ] })
}

fn doubled(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Updates are slopes of the losses of Lee et al., and the factor of the layer below is its target: plain loops and
/// central differences in double precision.
#[test]
fn updates_follow_the_losses_and_the_factor_below_is_the_target() {
    let (input, noise) = (shape(BATCH, INPUTS), 0.4);
    let spec = json!({
        "type": "dtp", "layer": tanh(NEURONS), "inverse": tanh(INPUTS), "noise": noise, "step": STEP
    });
    let mut layer = build(spec, input);
    let x = values(BATCH * INPUTS, 1);
    let factor = values(BATCH * NEURONS, 2);
    let names: Vec<_> = layer.parameters().iter().map(|p| p.name().to_owned()).collect();
    assert_eq!(names, ["1.weight", "1.bias", "inverse.1.weight", "inverse.1.bias"]);
    let public: Vec<Vec<f32>> = layer.parameters().iter().map(|p| p.get().unwrap()).collect();
    let made = learn(layer.as_mut(), &map(input, &x), &factor, Some(7));
    let found: Vec<Vec<f32>> = {
        let parameters = layer.parameters();
        made.updates.iter().zip(parameters).map(|(update, p)| p.to_public(update).unwrap()).collect()
    };

    let x = doubled(&x);
    let f = |p: &[Vec<f32>], x: &[f64]| neurons(&p[0], &p[1], x);
    let g = |p: &[Vec<f32>], h: &[f64]| neurons(&p[2], &p[3], h);
    let h = f(&public, &x);
    let target: Vec<f64> = h.iter().zip(&factor).map(|(h, factor)| h + STEP * f64::from(*factor)).collect();
    let below: Vec<f64> =
        g(&public, &target).iter().zip(g(&public, &h)).map(|(a, b)| (a - b) / STEP).collect();
    assert_close("factor below", &made.feedback.unwrap().to_vec().unwrap(), &below, 1e-5);

    // The noise of this step: its generator comes from the module's.
    let mut random = stream(stream(7, &[]).random(), &[]);
    let noisy: Vec<f64> = x.iter().map(|x| x + noise * f64::from(normal(&mut random) as f32)).collect();
    let squares = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let forward = |p: &[Vec<f32>]| squares(&f(p, &x), &target) / (2.0 * STEP);
    let code = f(&public, &noisy);
    let inverse = |p: &[Vec<f32>]| squares(&g(p, &code), &noisy) / BATCH as f64;
    for place in 0..4 {
        let loss: &dyn Fn(&[Vec<f32>]) -> f64 = if place < 2 { &forward } else { &inverse };
        let slope = |index: usize| {
            let side = |step: f32| {
                let mut moved = public.clone();
                moved[place][index] += step;
                // The step that float32 makes of it.
                (loss(&moved), f64::from(moved[place][index]))
            };
            let ((high, after), (low, before)) = (side(1e-3), side(-1e-3));
            -(high - low) / (after - before)
        };
        let expected: Vec<f64> = (0..public[place].len()).map(slope).collect();
        assert_close(&names[place], &found[place], &expected, 1e-4);
    }
}

/// With an exact inverse, f of the target below is the target: the step of Gauss and Newton. With an orthogonal W, whose
/// inverse is its transpose, it is also the factor of backpropagation.
#[test]
fn with_an_exact_inverse_the_target_below_makes_the_target() {
    let input = shape(2, 3);
    let dense = json!({ "type": "dense", "channels": 3, "relu": false });
    let (x, factor) = (values(6, 4), values(6, 5));
    let general =
        ([2.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0], [0.5, -0.5, 0.5, 0.0, 1.0, -1.0, 0.0, 0.0, 1.0]);
    let turn =
        ([0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, 1.0], [0.6, 0.8, 0.0, -0.8, 0.6, 0.0, 0.0, 0.0, 1.0]);
    for ((weight, inverse), orthogonal) in [(general, false), (turn, true)] {
        let mut layer = build(json!({ "type": "dtp", "layer": dense, "noise": 0.0 }), input);
        for (parameter, values) in
            layer.parameters().into_iter().zip([&weight[..], &[0.1, 0.2, 0.3], &inverse])
        {
            parameter.set(values).unwrap();
        }
        let pre = map(input, &x);
        let post = layer.forward(&pre, Phase::Peek).unwrap().post.data().to_vec().unwrap();
        let down = learn(layer.as_mut(), &pre, &factor, None).feedback.unwrap().to_vec().unwrap();
        let sum = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        let reached = layer.forward(&map(input, &sum(&x, &down)), Phase::Peek).unwrap().post;
        let target = doubled(&sum(&post, &factor));
        assert_close("f(ĥ_below)", &reached.data().to_vec().unwrap(), &target, 1e-5);
        let mut plain = build(dense.clone(), input);
        plain.parameters()[0].set(&weight).unwrap();
        let back = doubled(&learn(plain.as_mut(), &pre, &factor, None).feedback.unwrap().to_vec().unwrap());
        let differs = down.iter().zip(&back).any(|(a, b)| (f64::from(*a) - b).abs() > 1e-3);
        assert_eq!(differs, !orthogonal);
    }
}

/// For f(x) = W x and σ = 1, the best linear inverse of noise around 0 is the pseudoinverse of W.
#[test]
fn under_noise_the_inverse_learns_to_invert() {
    let input = shape(256, 2);
    let dense = json!({ "type": "dense", "channels": 3, "relu": false });
    let mut layer = build(json!({ "type": "dtp", "layer": dense, "noise": 1.0 }), input);
    layer.parameters()[0].set(&[1.0, 0.5, -0.5, 1.0, 0.8, 0.2]).unwrap();
    let pre = map(input, &[0.0; 512]);
    for step in 0..300 {
        let made = learn(layer.as_mut(), &pre, &[0.0; 768], Some(step));
        for (parameter, update) in layer.parameters().into_iter().zip(&made.updates).skip(2) {
            let moved = parameter.get().unwrap().into_iter().zip(parameter.to_public(update).unwrap());
            parameter.set(&moved.map(|(value, update)| value + 0.2 * update).collect::<Vec<_>>()).unwrap();
        }
    }
    let weight = doubled(&layer.parameters()[0].get().unwrap());
    let inverse = doubled(&layer.parameters()[2].get().unwrap());
    for row in 0..2 {
        for column in 0..2 {
            let product: f64 = (0..3).map(|k| inverse[row * 3 + k] * weight[k * 2 + column]).sum();
            assert!((product - f64::from(u8::from(row == column))).abs() < 0.05, "{row} {column}: {product}");
        }
    }
}

#[test]
fn noise_follows_from_the_draws_of_the_step() {
    let input = shape(BATCH, INPUTS);
    let dense = json!({ "type": "dense", "channels": NEURONS });
    let update = |seed: Option<u64>| {
        let mut layer = build(json!({ "type": "dtp", "layer": dense }), input);
        let made = learn(layer.as_mut(), &map(input, &values(15, 1)), &values(12, 2), seed);
        made.updates[2].to_vec().unwrap()
    };
    assert_eq!(update(Some(1)), update(Some(1)));
    assert_ne!(update(Some(1)), update(Some(2)));
    assert_ne!(update(Some(1)), update(None));
}

#[test]
fn an_inverse_may_keep_its_weights() {
    let input = shape(BATCH, INPUTS);
    let dense = json!({ "type": "dense", "channels": NEURONS });
    let made = |learn: bool| {
        let mut layer = build(json!({ "type": "dtp", "layer": dense, "learn": learn }), input);
        assert_eq!(layer.parameters().iter().filter(|p| p.learns()).count(), if learn { 4 } else { 2 });
        self::learn(layer.as_mut(), &map(input, &values(15, 1)), &values(12, 2), None)
    };
    let (learning, fixed) = (made(true), made(false));
    assert_eq!((learning.updates.len(), fixed.updates.len()), (4, 2));
    let down = |update: LayerUpdate| update.feedback.unwrap().to_vec().unwrap();
    assert_eq!(down(learning), down(fixed));
}

/// A convolution with a pool takes an inverse that makes maps of its input's size; others are refused.
#[test]
fn inverses_must_fit() {
    let input = MapShape { extent: [1, 4, 4], ..shape(BATCH, 2) };
    let conv =
        json!({ "type": "conv2d", "channels": 3, "kernel": 3, "padding": 1, "max_pool": { "size": 2 } });
    let back = |channels: usize| {
        json!({ "type": "block", "layers": [
            { "type": "upsample", "size": 2 },
            { "type": "conv2d", "channels": channels, "kernel": 3, "padding": 1, "relu": false }
        ] })
    };
    let mut layer = build(json!({ "type": "dtp", "layer": conv, "inverse": back(2) }), input);
    let made = learn(layer.as_mut(), &map(input, &values(96, 1)), &values(36, 2), Some(1));
    assert_eq!(made.feedback.unwrap().len(), 96);
    let error = |spec: Value| {
        let spec: Box<dyn LayerSpec> = serde_json::from_value(spec).unwrap();
        let made = spec.build(input, &device(), &mut stream(3, &[]));
        made.err().map_or_else(String::new, |error| error.to_string())
    };
    let without = error(json!({ "type": "dtp", "layer": conv }));
    assert!(without.starts_with("inverse: left out"), "{without}");
    let narrow = error(json!({ "type": "dtp", "layer": conv, "inverse": back(1) }));
    assert!(narrow.starts_with("inverse: gives maps of [1, 4, 4] with 1 channels"), "{narrow}");
    let bad = error(json!({ "type": "dtp", "layer": { "type": "avg_pool", "size": 0 } }));
    assert!(bad.starts_with("layer.size: "), "{bad}");
    let gru = error(json!({ "type": "dtp", "layer": { "type": "gru", "hidden": 2 } }));
    assert!(gru.starts_with("layer"), "{gru}");
}

/// g(ĥ) and g(h) are almost the same number, so at bf16 their difference is mostly rounding.
#[test]
fn a_precision_that_rounds_the_difference_away_is_refused() {
    let device = device();
    device.set_precision(Precision::Bf16).unwrap();
    let spec: Box<dyn LayerSpec> =
        serde_json::from_value(json!({ "type": "dtp", "layer": { "type": "dense", "channels": 4 } }))
            .unwrap();
    let build = |device: &Device| spec.build(shape(BATCH, INPUTS), device, &mut stream(3, &[])).map(drop);
    let error = build(&device).unwrap_err().to_string();
    assert!(error.starts_with("type: ") && error.contains("which bf16 rounds away"), "{error}");
    assert!(error.ends_with("set training.precision = \"f32\""), "{error}");
    build(&device.sizing()).unwrap();
    device.set_precision(Precision::F32).unwrap();
    build(&device).unwrap();
}
