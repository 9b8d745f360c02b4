//! One step of published methods, computed from their authors' formulas: cases whose `rule` is a name and not a table.

use super::case::Tensors;
use super::input::channels_last;
use super::{Comparison, relative_error};
use crate::network::{Network, NetworkPlan};
use crate::optimiser::OptimiserSpec;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Draws, SeededDraws, Side};
use plasticity_core::layer::{LayerSpec, Phase};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::random::{Random, stream};
use plasticity_core::{Error, Result};
use serde_json::{Value, json};

/// Compares every tensor that a file of this form expects; `None` if the file has the other form.
///
/// # Errors
/// If the method is not known, a tensor is missing, or the file expects nothing.
pub(super) fn compare(file: &Tensors, device: &Device) -> Result<Option<Vec<Comparison>>> {
    let Some(rule) = file.said.get("rule").and_then(Value::as_str) else { return Ok(None) };
    if !file.floats.keys().any(|name| name.starts_with("expect.")) {
        return Err(file.bad("has no tensor `expect.…`, so there is nothing to compare"));
    }
    let ours = match rule {
        "softhebb" => softhebb(file, device)?,
        "scff" => scff(file, device)?,
        other => {
            return Err(file.bad(format!("unknown published rule `{other}`: known are softhebb and scff")));
        }
    };
    let expected = file.floats.iter();
    let expected = expected.filter_map(|(name, tensor)| Some((name.strip_prefix("expect.")?, tensor)));
    let compared = expected.map(|(name, tensor)| {
        let found = ours.iter().find(|(ours, _)| ours == name);
        let relative_error = found.and_then(|(_, values)| relative_error(values, &tensor.values));
        Comparison::new(name, relative_error)
    });
    Ok(Some(compared.collect()))
}

type Named = Vec<(String, Vec<f32>)>;

/// Journé et al. 2023: the first layer of SoftHebb, from its input to its weights after one step.
fn softhebb(file: &Tensors, device: &Device) -> Result<Named> {
    let (rate, power) = (number(file, "lr")?, number(file, "power_lr")?);
    let norm = json!({ "type": "batch_norm", "affine": false });
    let triangle = json!({ "type": "triangle", "power": number(file, "triangle_power")? });
    let pool = json!({ "type": "max_pool", "size": 4, "stride": 2, "padding": 1 });
    let mut one = OneLayer::of(file, device, std::slice::from_ref(&norm), &[triangle.clone(), pool.clone()])?;
    let rule = json!({ "type": "softhebb", "temperature": 1.0 / number(file, "t_invert")? });
    let step = one.step(rule, OptimiserSpec::Hebbian { rate, power }, Shift(0), device)?;
    let mean = step.update(file, "weight")?;
    let largest = mean.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let each = mean.len() / file.float("layer.0.weight")?.shape.first().map_or(1, |&neurons| neurons.max(1));
    let length = |w: &[f32]| w.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt() as f32;
    let rates = file.float("layer.0.weight")?.values.chunks(each.max(1));
    let rates = rates.map(|w| rate * (length(w) - 1.0).abs().powf(power)).collect();
    let heard = after(&after(&step.seen, triangle, device)?, pool, device)?;
    let positions = step.seen.shape().len() / step.seen.shape().channels.max(1);
    Ok(vec![
        ("input_normalised".to_owned(), channels_first(&after(&one.input, norm, device)?)?),
        ("layer.0.summed_input".to_owned(), channels_first(&step.seen)?),
        ("layer.0.plasticity_sum".to_owned(), mean.iter().map(|value| value * positions as f32).collect()),
        ("layer.0.direction".to_owned(), mean.iter().map(|value| value / largest).collect()),
        ("layer.0.rate".to_owned(), rates),
        ("layer.0.triangle_maxpool4s2p1".to_owned(), channels_first(&heard)?),
        ("layer.0.weight_after".to_owned(), step.weight),
    ])
}

/// Chen et al. 2025: the first layer of SCFF; each stimulus is paired with the one `shift` places further.
fn scff(file: &Tensors, device: &Device) -> Result<Named> {
    let mut one = OneLayer::of(file, device, &[], &[json!({ "type": "triangle" })])?;
    let rule = json!({
        "type": "scff", "form": "position", "border": one.border, "penalty": number(file, "lambda")?,
        "positive_threshold": number(file, "th1")?, "negative_threshold": number(file, "th2")?,
    });
    let shift = Shift(number(file, "shift")? as usize);
    let step = one.step(rule, OptimiserSpec::default(), shift, device)?;
    // In the published method, two copies of the weights see a pair; here the layer sees its mean.
    let (values, channels) = (step.seen.data().to_vec()?, step.seen.shape().channels.max(1));
    let goodness =
        |row: &[f32]| row.iter().map(|p| (2.0 * p).max(0.0).powi(2)).sum::<f32>() / channels as f32;
    let goodness: Vec<f32> = values.chunks(channels).map(goodness).collect();
    let (positive, negative) = goodness.split_at(goodness.len() / 2);
    let gradient =
        |name| -> Result<Vec<f32>> { Ok(step.update(file, name)?.iter().map(|value| -value).collect()) };
    Ok(vec![
        ("goodness_positive".to_owned(), positive.to_vec()),
        ("goodness_negative".to_owned(), negative.to_vec()),
        ("loss".to_owned(), step.loss.clone()),
        ("layer.0.weight.grad".to_owned(), gradient("weight")?),
        ("layer.0.bias.grad".to_owned(), gradient("bias")?),
    ])
}

fn number(file: &Tensors, key: &str) -> Result<f32> {
    let number = file.said.get(key).and_then(Value::as_f64);
    number
        .map(|number| number as f32)
        .ok_or_else(|| file.bad(format!("metadata `case` has no number `{key}`")))
}

/// A convolution after a mirrored border, with the layers before and after them.
struct OneLayer<'a> {
    file: &'a Tensors,
    input: FeatureMap,
    block: Value,
    border: usize,
}

/// The result of a step.
struct Step {
    loss: Vec<f32>,
    /// The summed inputs, as a map.
    seen: FeatureMap,
    updates: Named,
    weight: Vec<f32>,
}

impl Step {
    fn update(&self, file: &Tensors, name: &str) -> Result<&[f32]> {
        let found = self.updates.iter().find(|(found, _)| found.ends_with(&format!(".{name}")));
        found.map(|(_, values)| values.as_slice()).ok_or_else(|| file.bad(format!("no `{name}` learns")))
    }
}

impl<'a> OneLayer<'a> {
    fn of(file: &'a Tensors, device: &Device, before: &[Value], behind: &[Value]) -> Result<Self> {
        let (input, weight) = (file.float("input")?, file.float("layer.0.weight")?);
        let (&[batch, channels, y, x], &[neurons, _, kernel, _]) =
            (input.shape.as_slice(), weight.shape.as_slice())
        else {
            return Err(file.bad("expected `input` [B,C,Y,X] and `layer.0.weight` [out,in,k,k]"));
        };
        let shape = MapShape { time: 1, location: 1, batch, extent: [1, y, x], channels };
        let values = channels_last(&input.values, batch, channels, y * x);
        let input = FeatureMap::new(shape, Buffer::from_vec(device, values)?)?;
        let border = kernel / 2;
        let bias = file.floats.contains_key("layer.0.bias");
        let conv =
            json!({ "type": "conv2d", "channels": neurons, "kernel": kernel, "relu": false, "bias": bias });
        let pad = (border > 0).then(|| json!({ "type": "pad", "size": border }));
        let layers: Vec<Value> =
            before.iter().cloned().chain(pad).chain([conv]).chain(behind.iter().cloned()).collect();
        Ok(Self { file, input, block: json!({ "type": "block", "layers": layers }), border })
    }

    fn step(&mut self, rule: Value, optimiser: OptimiserSpec, draws: Shift, device: &Device) -> Result<Step> {
        let rule: Box<dyn RuleSpec> = spec(rule)?;
        let block: Box<dyn LayerSpec> = spec(self.block.clone())?;
        let plan = NetworkPlan {
            layers: &[block],
            modules: std::slice::from_ref(&(0..1)),
            rule: rule.as_ref(),
            optimiser: optimiser.into(),
            module_rates: None,
            input: self.input.shape(),
            classes: None,
            seed: 0,
        };
        let mut network = Network::build(&plan, device)?;
        for (name, parameter) in network.parameters().into_iter().filter(|(_, parameter)| parameter.learns())
        {
            let own = name.rsplit('.').next().unwrap_or_default();
            parameter.set(&self.file.float(&format!("layer.0.{own}"))?.values)?;
        }
        let [_, y, x] = self.input.shape().extent;
        let (mut loss, mut updates, mut seen) = (Vec::new(), Vec::new(), None);
        network.step(self.input.clone(), None, &mut |_| Box::new(draws), &mut |mut step| {
            loss = step.loss.to_vec()?;
            let shape = step.target.shape();
            let map = MapShape {
                time: 1,
                location: 1,
                batch: shape.batch,
                extent: [1, y, x],
                channels: shape.channel,
            };
            let rows = step.target.data().to_vec()?;
            let mut values = Vec::with_capacity(rows.len());
            for batch in 0..shape.batch {
                let positions = (0..shape.location).map(|location| location * shape.batch + batch);
                positions
                    .for_each(|row| values.extend_from_slice(&rows[row * shape.channel..][..shape.channel]));
            }
            seen = Some(FeatureMap::new(map, Buffer::from_vec(device, values)?)?);
            updates = step.named()?;
            step.apply()
        })?;
        let none = || self.file.bad("no step was made");
        let mut parameters = network.parameters().into_iter();
        let weight = parameters.find(|(name, _)| name.ends_with(".weight")).ok_or_else(none)?.1.get()?;
        Ok(Step { loss, seen: seen.ok_or_else(none)?, updates, weight })
    }
}

fn spec<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::config("verify", error.to_string()))
}

/// The output of a layer without weights for a map.
fn after(map: &FeatureMap, layer: Value, device: &Device) -> Result<FeatureMap> {
    let layer: Box<dyn LayerSpec> = spec(layer)?;
    Ok(layer.build(map.shape(), device, &mut stream(0, &[]))?.forward(map, Phase::Peek)?.post)
}

/// `[B, C, Y, X]`.
fn channels_first(map: &FeatureMap) -> Result<Vec<f32>> {
    let (shape, values) = (map.shape(), map.data().to_vec()?);
    let (positions, channels) = (shape.positions(), shape.channels);
    let at = |b: usize, c: usize, p: usize| values[(b * positions + p) * channels + c];
    let maps = (0..shape.samples()).flat_map(|b| (0..channels).map(move |c| (b, c)));
    Ok(maps.flat_map(|(b, c)| (0..positions).map(move |p| (b, c, p))).map(|(b, c, p)| at(b, c, p)).collect())
}

/// Draws that pair each stimulus with the one this many places further, and nothing else.
#[derive(Clone, Copy)]
struct Shift(usize);

impl Shift {
    const OTHER: SeededDraws = SeededDraws { seed: 0, step: 0, module: 0 };
}

impl Draws for Shift {
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32> {
        { Self::OTHER }.negatives(side, step, rows, count)
    }

    fn others(&mut self, _: Side, _: usize, batch: usize) -> Vec<u32> {
        (0..batch).map(|own| ((own + self.0) % batch) as u32).collect()
    }

    fn signs(&mut self, side: Side, batch: usize) -> Vec<i8> {
        { Self::OTHER }.signs(side, batch)
    }

    fn random(&mut self, what: u64) -> Random {
        { Self::OTHER }.random(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_file_that_expects_nothing_does_not_pass() {
        let of = |rule: Value| {
            let said = json!({ "rule": rule });
            let file =
                Tensors { path: "case".into(), said, floats: BTreeMap::new(), integers: BTreeMap::new() };
            compare(&file, &Device::open().unwrap())
        };
        for rule in ["scff", "softhebb"] {
            let error = of(rule.into()).unwrap_err().to_string();
            assert!(error.contains("has no tensor `expect.…`"), "{error}");
        }
        assert!(of(json!({ "kind": "predictive" })).unwrap().is_none());
    }
}
