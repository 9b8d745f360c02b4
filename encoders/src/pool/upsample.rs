//! `upsample`: every position becomes a square of equal positions.

use super::window::Window;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};

/// A map with `size` times as many rows and columns.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// Rows and columns that a position becomes.
    pub size: usize,
}

plugin! {
    Layer "upsample": "Repeats every position over a square, for example in the inverse of a pool; nothing learns",
    equation: "z_yx = a_⌊y / size⌋⌊x / size⌋",
    citation: "PyTorch's Upsample (nearest)",
    keys: [
        size = "", "1..=64", "rows and columns that a position becomes";
    ],
    example: "type = \"upsample\"\nsize = 2",
    impl LayerSpec for Upsample {
        fn build(&self, input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if self.size == 0 || self.size > 64 {
                return Err(Error::config("size", format!("{} is not in 1 … 64", self.size)));
            }
            self.output(input)?;
            Ok(Box::new(self.clone()))
        }
    }
}

impl Upsample {
    /// The squares of the output, one for each position of the input.
    fn squares(&self) -> Window {
        Window { size: self.size, stride: self.size, padding: 0 }
    }
}

impl EncoderLayer for Upsample {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let [t, y, x] = input.extent;
        let wide = |length: usize| {
            length.checked_mul(self.size).filter(|&length| length <= 1 << 16).ok_or_else(|| {
                Error::config("size", format!("{} makes {length} positions more than 65536", self.size))
            })
        };
        Ok(input.with([t, wide(y)?, wide(x)?], input.channels))
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let shape = self.output(pre.shape())?;
        let values = self.squares().spread(1.0, shape, &pre.data().to_vec()?)?;
        Ok(Activity::new(FeatureMap::new(shape, Buffer::from_vec(pre.data().device(), values)?)?))
    }

    /// A position gets the sum of the factors of its square.
    fn plasticity(
        &mut self,
        _pre: &FeatureMap,
        post: &FeatureMap,
        _trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        if !feedback {
            return Ok(LayerUpdate::new(Vec::new()));
        }
        let factor = factor.per_position(post.shape(), "upsample")?;
        let made = self.squares().gather(1.0, post.shape(), &factor.to_vec()?)?;
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use plasticity_core::random::stream;

    const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 2, extent: [2, 3, 2], channels: 2 };

    #[test]
    fn feedback_follows_finite_differences() {
        check(r#"{ "type": "upsample", "size": 2 }"#, SHAPE, false);
    }

    #[test]
    fn an_average_pool_undoes_it() {
        let device = Device::open().unwrap();
        let values: Vec<f32> = (0..SHAPE.len()).map(|value| value as f32).collect();
        let mut map = FeatureMap::new(SHAPE, Buffer::from_vec(&device, values.clone()).unwrap()).unwrap();
        for spec in [r#"{ "type": "upsample", "size": 2 }"#, r#"{ "type": "avg_pool", "size": 2 }"#] {
            let spec: Box<dyn LayerSpec> = serde_json::from_str(spec).unwrap();
            let mut layer = spec.build(map.shape(), &device, &mut stream(1, &[])).unwrap();
            map = layer.forward(&map, Phase::Evaluate).unwrap().post;
        }
        assert_eq!(map.data().to_vec().unwrap(), values);
    }
}
