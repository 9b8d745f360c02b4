//! One step of published methods, beside tensors made from their authors' formulas.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::layer::{EncoderLayer, LayerSpec, Phase};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::random::stream;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use plasticity_tests::shared;
use safetensors::SafeTensors;
use serde_json::{Value, json};

struct Case<'a> {
    tensors: SafeTensors<'a>,
    said: Value,
}

impl<'a> Case<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let said = serde_json::from_str(&header.metadata().as_ref().unwrap()["case"]).unwrap();
        Self { tensors: SafeTensors::deserialize(bytes).unwrap(), said }
    }

    fn values(&self, name: &str) -> Vec<f32> {
        let tensor = self.tensors.tensor(name).unwrap();
        tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors.tensor(name).unwrap().shape().to_vec()
    }

    fn number(&self, key: &str) -> f32 {
        self.said[key].as_f64().unwrap() as f32
    }

    /// Fails where the relative error is above 1e-4.
    fn close(&self, name: &str, ours: &[f32]) {
        let expected = self.values(name);
        assert_eq!(ours.len(), expected.len(), "{name}");
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut ours.iter().zip(&expected).map(|(a, b)| f64::from(a - b)));
        let size = norm(&mut expected.iter().map(|value| f64::from(*value)));
        assert!(error <= 1e-4 * size, "{name}: relative error {:e}", error / size);
    }
}

/// `[B, C, Y, X]` from `[B, Y, X, C]`, or with `back` the other way.
fn turned(values: &[f32], [batch, channels, rows, columns]: [usize; 4], back: bool) -> Vec<f32> {
    let places = rows * columns;
    let mut out = vec![0.0; values.len()];
    for b in 0..batch {
        for c in 0..channels {
            for p in 0..places {
                let (first, last) = ((b * channels + c) * places + p, (b * places + p) * channels + c);
                let (to, from) = if back { (last, first) } else { (first, last) };
                out[to] = values[from];
            }
        }
    }
    out
}

fn built(spec: Value, input: MapShape, device: &Device) -> Box<dyn EncoderLayer> {
    let spec: Box<dyn LayerSpec> = serde_json::from_value(spec).unwrap();
    spec.build(input, device, &mut stream(1, &[])).unwrap()
}

/// Journé et al. 2023: the first layer of SoftHebb, from its input to its weights after one step.
#[test]
#[ignore = "needs ../shared"]
fn a_step_of_softhebb_is_the_published_one() {
    let folder = shared().unwrap();
    let bytes = std::fs::read(folder.join("reference-cases/published/softhebb_s31.safetensors")).unwrap();
    let case = Case::read(&bytes);
    let device = Device::open().unwrap();
    let input: [usize; 4] = case.shape("input").try_into().unwrap();
    let [batch, in_channels, rows, columns] = input;
    let weight = case.shape("layer.0.weight");
    let (channels, kernel) = (weight[0], weight[2]);
    let shape = MapShape { time: 1, location: 1, batch, extent: [1, rows, columns], channels: in_channels };
    let pre = Buffer::from_vec(&device, turned(&case.values("input"), input, true)).unwrap();
    let pre = FeatureMap::new(shape, pre).unwrap();

    let norm = json!({ "type": "batch_norm", "affine": false });
    let normed = built(norm.clone(), shape, &device).forward(&pre, Phase::Peek).unwrap().post;
    case.close("expect.input_normalised", &turned(&normed.data().to_vec().unwrap(), input, false));

    let conv =
        json!({ "type": "conv2d", "channels": channels, "kernel": kernel, "relu": false, "bias": false });
    let block: Box<dyn LayerSpec> = serde_json::from_value(json!({ "type": "block", "layers": [
        norm, { "type": "pad", "size": kernel / 2 }, conv,
        { "type": "triangle", "power": case.number("triangle_power") },
        { "type": "max_pool", "size": 4, "stride": 2, "padding": 1 },
    ] }))
    .unwrap();
    let temperature = 1.0 / case.number("t_invert");
    let rule: Box<dyn RuleSpec> =
        serde_json::from_value(json!({ "type": "softhebb", "temperature": temperature })).unwrap();
    let (rate, power) = (case.number("lr"), case.number("power_lr"));
    let plan = NetworkPlan {
        layers: &[block],
        modules: &[0..1; 1],
        rule: rule.as_ref(),
        optimiser: OptimiserSpec::Hebbian { rate, power },
        module_rates: None,
        input: shape,
        classes: None,
        seed: 1,
    };
    let mut network = Network::build(&plan, &device).unwrap();
    let set = |network: &mut Network, values: &[f32]| {
        for (name, parameter) in network.parameters() {
            if name == "layer.0.3.weight" {
                parameter.set(values).unwrap();
            }
        }
    };
    set(&mut network, &case.values("layer.0.weight"));
    let mut updates = Vec::new();
    let draws = &mut |_| Box::new(SeededDraws { seed: 1, step: 0, module: 0 }) as Box<dyn Draws>;
    network
        .step(pre.clone(), None, draws, &mut |mut step| {
            updates = step.named()?;
            step.apply()
        })
        .unwrap();
    let [(name, mean)] = &updates[..] else { panic!("one parameter learns: {updates:?}") };
    assert_eq!(name, "layer.0.3.weight");
    let positions = (batch * rows * columns) as f32;
    case.close("expect.layer.0.plasticity_sum", &mean.iter().map(|v| v * positions).collect::<Vec<_>>());
    let largest = mean.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    case.close("expect.layer.0.direction", &mean.iter().map(|v| v / largest).collect::<Vec<_>>());
    let parameters = network.parameters();
    let after = parameters.iter().find(|(name, _)| name == "layer.0.3.weight").unwrap().1.get().unwrap();
    case.close("expect.layer.0.weight_after", &after);
}
