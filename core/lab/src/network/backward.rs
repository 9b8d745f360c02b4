//! Whether layers carry signals down through the weights that they use upwards.

use super::Network;
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::layer::{EncoderLayer, Phase, PostFactor};
use plasticity_core::map::FeatureMap;

impl Network {
    /// The largest relative change of the post factor that a layer passes down when a weight changes that its forward
    /// pass uses; the activity of the pass stays. `None` if no layer passes a factor down, since no module has several.
    ///
    /// # Errors
    /// If the input does not fit the network.
    pub(crate) fn down_through_weights(&mut self, input: &FeatureMap) -> Result<Option<f64>> {
        let mut most: Option<f64> = None;
        let Self { slots, modules, .. } = self;
        let mut map = input.clone();
        for (index, module) in modules.iter().enumerate() {
            let prepared = match index {
                0 => module.rule.prepare_probe(&map)?,
                _ => module.rule.prepare_probe_from_below(&map)?,
            };
            map = prepared.unwrap_or(map);
            for (place, slot) in slots[module.layers()].iter_mut().enumerate() {
                if place > 0 {
                    let change = down_through(slot.layer.as_mut(), &map)?;
                    most = Some(most.map_or(change, |most| most.max(change)));
                }
                map = slot.layer.forward(&map, Phase::Peek)?.post;
            }
        }
        Ok(most)
    }
}

/// The largest change for one layer.
fn down_through(layer: &mut dyn EncoderLayer, pre: &FeatureMap) -> Result<f64> {
    let post = layer.forward(pre, Phase::Peek)?.post.into_data().to_vec()?;
    let plain = passed_down(layer, pre, None)?;
    let mut most: f64 = 0.0;
    for index in 0..layer.parameters().len() {
        let parameter = &layer.parameters()[index];
        if !parameter.learns() || parameter.shape().len() < 2 {
            continue;
        }
        let before = parameter.value().to_vec()?;
        let vary = |(place, value): (usize, &f32)| value * if place % 2 == 0 { 1.5 } else { 0.7 };
        let changed: Vec<f32> = before.iter().enumerate().map(vary).collect();
        let down = passed_down(layer, pre, Some((index, &changed)))?;
        let used = layer.forward(pre, Phase::Peek)?.post.into_data().to_vec()? != post;
        layer.parameters()[index].value_mut().copy_from_host(&before)?;
        if used {
            most = most.max(relative(&plain, &down));
        }
    }
    Ok(most)
}

/// The factor that a layer passes down for a fixed factor, with a parameter changed after the forward pass.
fn passed_down(
    layer: &mut dyn EncoderLayer,
    pre: &FeatureMap,
    changed: Option<(usize, &[f32])>,
) -> Result<Vec<f32>> {
    let made = layer.forward(pre, Phase::Learn)?;
    let factor = (0..made.post.shape().len()).map(|place| (0.7 * place as f32).sin()).collect();
    let factor = PostFactor::PerPosition(Buffer::from_vec(pre.data().device(), factor)?);
    if let Some((index, values)) = changed {
        layer.parameters()[index].value_mut().copy_from_host(values)?;
    }
    let down = layer.plasticity(pre, &made.post, made.trace, factor, true)?.feedback;
    Ok(down.map(|down| down.to_vec()).transpose()?.unwrap_or_default())
}

fn relative(plain: &[f32], changed: &[f32]) -> f64 {
    let norm =
        |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let size = norm(&mut plain.iter().copied());
    let change = norm(&mut plain.iter().zip(changed).map(|(a, b)| a - b));
    if size > 0.0 { change / size } else { 0.0 }
}
