//! Compares a layer's updates and feedback with finite differences of its forward pass, for tests of layers.

use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{EncoderLayer, LayerSpec, Phase, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::Pooling;
use rand::RngExt;

fn uniform(len: usize, random: &mut Random) -> Vec<f32> {
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn map(shape: MapShape, values: &[f32], device: &Device) -> FeatureMap {
    FeatureMap::new(shape, Buffer::from_vec(device, values.to_vec()).unwrap()).unwrap()
}

/// Builds the layer of a JSON spec and checks, at a random point, that for the loss L = −Σ factor · post every update
/// is −∂L/∂parameter and feedback is −∂L/∂pre. With `per_sample`, the factor is the factor of the mean over positions.
///
/// If a ReLU or max pool switches within a step, the finite difference is wrong. So two step lengths are tried, and
/// the share of values that agree with neither must be below 3 %.
pub(crate) fn check(spec: &str, shape: MapShape, per_sample: bool) {
    let device = Device::open().unwrap();
    let mut random = stream(4, &[shape.len() as u64]);
    let spec: Box<dyn LayerSpec> = serde_json::from_str(spec).unwrap();
    let mut layer = spec.build(shape, &device, &mut random).unwrap();
    for parameter in layer.parameters() {
        if parameter.learns() {
            let shift = uniform(parameter.value().len(), &mut random);
            let values: Vec<f32> =
                parameter.get().unwrap().iter().zip(shift).map(|(v, s)| v + 0.3 * s).collect();
            parameter.set(&values).unwrap();
        }
    }
    let pre = uniform(shape.len(), &mut random);
    let output = layer.output(shape).unwrap();
    let (given, spread) = if per_sample {
        let factor = uniform(output.samples() * output.channels, &mut random);
        let factor = Buffer::from_vec(&device, factor).unwrap();
        let spread = ops::spread(&factor, output, Pooling::Mean).unwrap().to_vec().unwrap();
        (PostFactor::PerSample(factor), spread)
    } else {
        let factor = uniform(output.len(), &mut random);
        (PostFactor::PerPosition(Buffer::from_vec(&device, factor.clone()).unwrap()), factor)
    };

    let input = map(shape, &pre, &device);
    let activity = layer.forward(&input, Phase::Learn).unwrap();
    let update = layer.plasticity(&input, &activity.post, activity.trace, given, true).unwrap();

    let objective = |layer: &mut dyn EncoderLayer, pre: &[f32]| -> f64 {
        let post = layer.forward(&map(shape, pre, &device), Phase::Peek).unwrap().post;
        let post = post.data().to_vec().unwrap();
        post.iter().zip(&spread).map(|(p, f)| f64::from(*p) * f64::from(*f)).sum()
    };
    let close = |found: f32, slopes: [f64; 2]| {
        slopes.iter().any(|slope| (f64::from(found) - slope).abs() < 5e-3 * (1.0 + slope.abs()))
    };
    let compare = |what: &str, found: &[f32], objective: &mut dyn FnMut(usize, f32) -> f64| {
        let wrong: Vec<_> = (0..found.len())
            .filter(|&index| {
                let mut slope =
                    |step: f32| (objective(index, step) - objective(index, -step)) / f64::from(2.0 * step);
                !close(found[index], [slope(4e-3), slope(1e-3)])
            })
            .collect();
        assert!(wrong.len() * 100 <= found.len() * 3, "{what}: {} of {} differ", wrong.len(), found.len());
        assert!(found.iter().any(|value| value.abs() > 1e-3), "{what} is nothing");
    };

    let learning: Vec<usize> =
        layer.parameters().iter().enumerate().filter(|(_, p)| p.learns()).map(|(i, _)| i).collect();
    assert_eq!(learning.len(), update.updates.len());
    for (&place, found) in learning.iter().zip(&update.updates) {
        let name = layer.parameters()[place].name().to_owned();
        let start = layer.parameters()[place].value().to_vec().unwrap();
        compare(&name, &found.to_vec().unwrap(), &mut |index, step| {
            let mut values = start.clone();
            values[index] += step;
            layer.parameters()[place].value_mut().copy_from_host(&values).unwrap();
            let value = objective(layer.as_mut(), &pre);
            layer.parameters()[place].value_mut().copy_from_host(&start).unwrap();
            value
        });
    }
    let feedback = update.feedback.unwrap().to_vec().unwrap();
    compare("feedback", &feedback, &mut |index, step| {
        let mut pre = pre.clone();
        pre[index] += step;
        objective(layer.as_mut(), &pre)
    });
}
