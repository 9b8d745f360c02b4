//! `triangle`: the part of a neuron's activity above the mean of its neighbours.

use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rayon::prelude::*;

/// z = max(0, a − mean a)^p, with the mean over the neurons at one position.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triangle {
    /// p.
    pub power: f32,
}

impl Default for Triangle {
    fn default() -> Self {
        Self { power: 1.0 }
    }
}

plugin! {
    Layer "triangle": "Keeps the part of a neuron's activity above the mean of the neurons at its position; \
                       nothing learns",
    equation: "z = max(0, a − mean a)^p",
    citation: "Coates, Lee & Ng 2011; with a power: Journé et al. 2023",
    keys: [
        power = "1.0", "> 0", "p: above 1 it increases the differences between neurons, below 1 it decreases them";
    ],
    example: "type = \"triangle\"\npower = 1.5",
    impl LayerSpec for Triangle {
        fn build(&self, _input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if !(self.power > 0.0 && self.power.is_finite()) {
                return Err(Error::config("power", format!("{} is not in (0, ∞)", self.power)));
            }
            Ok(Box::new(self.clone()))
        }
    }
}

/// base^power; a power of 1 costs nothing.
fn raised(base: f32, power: f32) -> f32 {
    if power == 1.0 { base } else { base.powf(power) }
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

impl EncoderLayer for Triangle {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let mut values = pre.data().to_vec()?;
        values.par_chunks_mut(pre.shape().channels.max(1)).with_min_len(64).for_each(|neurons| {
            let mean = mean(neurons);
            for a in neurons {
                let above = *a - mean;
                // NaN stays NaN: `max` would hide it.
                *a = if above <= 0.0 { 0.0 } else { raised(above, self.power) };
            }
        });
        let post = FeatureMap::new(pre.shape(), Buffer::from_vec(pre.data().device(), values)?)?;
        Ok(Activity::new(post))
    }

    /// δa = g − mean g with g = δz · p · (a − mean a)^(p − 1) where a is above the mean, else 0.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        _trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        if !feedback {
            return Ok(LayerUpdate::new(Vec::new()));
        }
        let factor = factor.per_position(post.shape(), "triangle")?;
        let (mut made, pre_values) = (factor.to_vec()?, pre.data().to_vec()?);
        let channels = pre.shape().channels.max(1);
        let rows = made.par_chunks_mut(channels).with_min_len(64);
        rows.zip(pre_values.par_chunks(channels)).for_each(|(made, neurons)| {
            let middle = mean(neurons);
            for (made, a) in made.iter_mut().zip(neurons) {
                let above = a - middle;
                *made *= if above > 0.0 { self.power * above.powf(self.power - 1.0) } else { 0.0 };
            }
            let middle = mean(made);
            made.iter_mut().for_each(|made| *made -= middle);
        });
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use approx::assert_relative_eq;

    const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 5 };

    #[test]
    fn feedback_follows_finite_differences() {
        for power in [1.0, 1.4, 2.0] {
            check(&format!(r#"{{ "type": "triangle", "power": {power} }}"#), SHAPE, false);
        }
        check(r#"{ "type": "triangle" }"#, SHAPE, true);
    }

    #[test]
    fn neurons_above_the_mean_are_heard() {
        let shape = MapShape { batch: 1, extent: [1, 1, 1], channels: 3, ..SHAPE };
        let pre = Buffer::from_vec(&Device::open().unwrap(), vec![1.0, 2.0, 6.0]).unwrap();
        let pre = FeatureMap::new(shape, pre).unwrap();
        let post = Triangle { power: 0.5 }.forward(&pre, Phase::Evaluate).unwrap().post;
        let values = post.data().to_vec().unwrap();
        assert_eq!(values[..2], [0.0, 0.0]);
        assert_relative_eq!(values[2], 3.0_f32.sqrt());
    }
}
