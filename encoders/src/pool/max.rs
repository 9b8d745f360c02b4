//! `max_pool`: passes on only the strongest neuron of a window.

use super::window::Window;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use rayon::prelude::*;

/// The largest value of each window; windows may overlap, and reach past the map.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Rows and columns of a window.
    pub size: usize,
    /// Step between windows; `None`: `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// How far windows reach past the map.
    #[serde(default)]
    pub padding: usize,
}

plugin! {
    Layer "max_pool": "Max pool over rows and columns, with overlap and padding; nothing learns",
    equation: "z = max over the window of a",
    citation: "PyTorch's MaxPool2d; with padding in SoftHebb: Journé et al. 2023",
    keys: [
        size = "", "1..=4096", "rows and columns of a window";
        stride = "", "1..=4096", "step between windows; left out: as size";
        padding = "0", "0..=2048", "how far windows reach past the edge of the map; at most half of size";
    ],
    example: "type = \"max_pool\"\nsize = 2\npadding = 1",
    impl LayerSpec for MaxPool {
        fn build(&self, input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let window = Window::checked(self.size, self.stride, self.padding)?;
            window.output(input)?;
            Ok(Box::new(Max(window)))
        }
    }
}

#[derive(Debug)]
struct Max(Window);

impl EncoderLayer for Max {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.0.output(input)
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let (from, to) = (pre.shape(), self.output(pre.shape())?);
        let channels = from.channels.max(1);
        let values = pre.data().to_vec()?;
        let mut post = vec![0.0; to.len()];
        let mut winners = vec![0u32; to.len()];
        let samples = values.par_chunks(from.positions() * channels);
        let made = post.par_chunks_mut(to.positions() * channels);
        made.zip(winners.par_chunks_mut(to.positions() * channels)).zip(samples).for_each(
            |((post, winners), values)| {
                self.0.visit(from, |window, positions| {
                    let (post, winners) = (
                        &mut post[window * channels..][..channels],
                        &mut winners[window * channels..][..channels],
                    );
                    for (nth, position) in positions.enumerate() {
                        let here = &values[position * channels..][..channels];
                        for ((post, winner), value) in post.iter_mut().zip(winners.iter_mut()).zip(here) {
                            // NaN wins, so that it is noticed. Written without branches, for vector instructions.
                            let wins = (nth == 0) | (*value > *post) | value.is_nan();
                            *post = if wins { *value } else { *post };
                            *winner = if wins { position as u32 } else { *winner };
                        }
                    }
                });
            },
        );
        let post = FeatureMap::new(to, Buffer::from_vec(pre.data().device(), post)?)?;
        let trace = if phase == Phase::Learn { Trace::new(winners) } else { Trace::new(()) };
        Ok(Activity::new(post).with_trace(trace))
    }

    /// The winner of each window gets its factor.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        if !feedback {
            return Ok(LayerUpdate::new(Vec::new()));
        }
        let winners: Vec<u32> = trace.take()?;
        let factor = factor.per_position(post.shape(), "max_pool")?;
        let (from, to, channels) = (pre.shape(), post.shape(), pre.shape().channels.max(1));
        let given = factor.to_vec()?;
        let mut made = vec![0.0; from.len()];
        let sides =
            given.par_chunks(to.positions() * channels).zip(winners.par_chunks(to.positions() * channels));
        made.par_chunks_mut(from.positions() * channels).zip(sides).for_each(|(made, (given, winners))| {
            for (place, (given, winner)) in given.iter().zip(winners).enumerate() {
                made[*winner as usize * channels + place % channels] += given;
            }
        });
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    const SHAPE: MapShape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 5, 4], channels: 2 };

    #[test]
    fn feedback_follows_finite_differences() {
        check(r#"{ "type": "max_pool", "size": 4, "stride": 2, "padding": 1 }"#, SHAPE, false);
        check(r#"{ "type": "max_pool", "size": 2 }"#, SHAPE, true);
    }

    #[test]
    fn a_padded_window_sees_what_is_there_alone() {
        let device = plasticity_core::device::Device::open().unwrap();
        let shape = MapShape { batch: 1, extent: [1, 2, 2], channels: 1, ..SHAPE };
        let pre = Buffer::from_vec(&device, vec![-4.0, -3.0, -2.0, f32::NAN]).unwrap();
        let window = Window::checked(2, Some(2), 1).unwrap();
        let post = Max(window).forward(&FeatureMap::new(shape, pre).unwrap(), Phase::Evaluate).unwrap().post;
        let values = post.data().to_vec().unwrap();
        assert_eq!((values[..3].to_vec(), values[3].is_nan()), (vec![-4.0, -3.0, -2.0], true));
        assert!(Window::checked(2, None, 2).unwrap_err().to_string().starts_with("padding: "));
    }
}
