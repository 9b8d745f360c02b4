//! `avg_pool`: the mean of each window.

use super::window::Window;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;

/// The mean of each window; windows may overlap.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool {
    /// Rows and columns of a window.
    pub size: usize,
    /// Step between windows; `None`: `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
}

plugin! {
    Layer "avg_pool": "Average pool over rows and columns; nothing learns",
    equation: "z = mean over the window of a",
    citation: "PyTorch's AvgPool2d; the last pool of SoftHebb: Journé et al. 2023",
    keys: [
        size = "", "1..=4096", "rows and columns of a window";
        stride = "", "1..=4096", "step between windows; left out: as size";
    ],
    example: "type = \"avg_pool\"\nsize = 2",
    impl LayerSpec for AvgPool {
        fn build(&self, input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let window = Window::checked(self.size, self.stride, 0)?;
            window.output(input)?;
            Ok(Box::new(Avg(window)))
        }
    }
}

#[derive(Debug)]
struct Avg(Window);

impl Avg {
    fn share(&self) -> f32 {
        1.0 / (self.0.size * self.0.size) as f32
    }
}

impl EncoderLayer for Avg {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.0.output(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let values = self.0.gather(self.share(), pre.shape(), &pre.data().to_vec()?)?;
        let post =
            FeatureMap::new(self.output(pre.shape())?, Buffer::from_vec(pre.data().device(), values)?)?;
        Ok(Activity::new(post))
    }

    /// Every position of a window gets its share of the window's factor.
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
        let factor = factor.per_position(post.shape(), "avg_pool")?;
        let made = self.0.spread(self.share(), pre.shape(), &factor.to_vec()?)?;
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    #[test]
    fn feedback_follows_finite_differences() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [2, 5, 4], channels: 2 };
        check(r#"{ "type": "avg_pool", "size": 3, "stride": 1 }"#, shape, false);
        check(r#"{ "type": "avg_pool", "size": 2 }"#, shape, false);
    }
}
