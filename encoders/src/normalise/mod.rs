//! `normalise`: scales the activity of each stimulus to the same length.

use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use rayon::prelude::*;

/// The values over which the root mean square is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All positions and neurons of a sample's map.
    #[default]
    Map,
    /// The neurons at each position.
    Position,
}

/// z = x / √(mean x² + 10⁻⁸). In Forward-Forward it precedes each module: it hides the goodness of
/// the layer below and passes only the direction of its activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Normalise {
    /// The values over which the root mean square is taken.
    pub over: Over,
}

plugin! {
    Layer "normalise": "Divides activity by its root mean square, which keeps only its direction; nothing learns",
    equation: "z = x / √(mean x² + 10⁻⁸)",
    citation: "Hinton 2022, arXiv 2212.13345 (between the layers of Forward-Forward)",
    keys: [
        over = "\"map\"", "map | position", "the mean is over a whole map, or over the neurons at each position";
    ],
    example: "type = \"normalise\"\nover = \"position\"",
    impl LayerSpec for Normalise {
        fn build(&self, _input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl Normalise {
    /// Added to the mean of squares, so that activity of 0 stays 0.
    pub const EPSILON: f32 = 1e-8;

    /// How many values are scaled together.
    fn group(&self, shape: MapShape) -> usize {
        match self.over {
            Over::Map => shape.positions() * shape.channels,
            Over::Position => shape.channels,
        }
    }
}

/// The root mean square of some values.
fn size(values: &[f32]) -> f32 {
    let square: f32 = values.iter().map(|value| value * value).sum();
    (square / values.len() as f32 + Normalise::EPSILON).sqrt()
}

impl EncoderLayer for Normalise {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let mut values = pre.data().to_vec()?;
        values.par_chunks_mut(self.group(pre.shape()).max(1)).for_each(|group| {
            let size = size(group);
            group.iter_mut().for_each(|value| *value /= size);
        });
        let post = FeatureMap::new(pre.shape(), Buffer::from_vec(pre.data().device(), values)?)?;
        Ok(Activity::new(post))
    }

    /// δx = (δz − z · mean(z δz)) / √(mean x² + ε).
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
        let factor = factor.per_position(post.shape(), "normalise")?;
        let group = self.group(pre.shape()).max(1);
        let mut made = factor.to_vec()?;
        let (x, z) = (pre.data().to_vec()?, post.data().to_vec()?);
        let sides = x.par_chunks(group).zip(z.par_chunks(group));
        made.par_chunks_mut(group).zip(sides).for_each(|(made, (x, z))| {
            let along = made.iter().zip(z).map(|(made, z)| made * z).sum::<f32>() / z.len() as f32;
            let size = size(x);
            made.iter_mut().zip(z).for_each(|(made, z)| *made = (*made - along * z) / size);
        });
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use approx::assert_abs_diff_eq;

    fn run(over: Over, values: &[f32]) -> Vec<f32> {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 1, 2], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), values.to_vec()).unwrap();
        let map = FeatureMap::new(shape, data).unwrap();
        Normalise { over }.forward(&map, Phase::Evaluate).unwrap().post.into_data().to_vec().unwrap()
    }

    #[test]
    fn feedback_follows_finite_differences() {
        let shape = MapShape { time: 2, location: 1, batch: 2, extent: [1, 3, 2], channels: 4 };
        for over in ["map", "position"] {
            let spec = format!(r#"{{ "type": "normalise", "over": "{over}" }}"#);
            check(&spec, shape, false);
            check(&spec, shape, true);
        }
    }

    #[test]
    fn each_stimulus_has_length_one_and_silence_stays() {
        let made = run(Over::Map, &[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        assert_abs_diff_eq!(made[..4].iter().map(|z| z * z).sum::<f32>(), 4.0, epsilon = 1e-5);
        assert_eq!(made[4..], [0.0; 4]);
        let made = run(Over::Position, &[3.0, 4.0, 30.0, 40.0, 1.0, 0.0, 0.0, 5.0]);
        assert!(
            (made[0] - made[2]).abs() < 1e-5 && (made[0] * made[0] + made[1] * made[1] - 2.0).abs() < 1e-5
        );
    }
}
