//! `repatch`: larger patches, cut from the maps of smaller ones.

use crate::shown;
use plasticity_core::device::Device;
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};

/// The input has patches that overlap by half; their rows are steps in time, their columns are locations. The
/// layer puts every second patch side by side (these do not overlap), which gives one map. It cuts this map into
/// patches of `size`×`size` positions that overlap by half.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repatch {
    /// Rows and columns of the new patches.
    pub size: usize,
}

plugin! {
    Layer "repatch": "Joins the maps of patches and cuts larger patches from them, so that patches grow with depth; nothing learns",
    equation: "M[t h + y, l w + x] = a[2t, 2l, y, x]; z[t, l, y, x] = M[t s/2 + y, l s/2 + x]",
    citation: "growing patches: future work in the discussion of Illing et al. 2021",
    keys: [
        size = "", "2..=4096", "s: rows and columns of the new patches, an even number. Patches overlap by \
                                half, before and after this layer. M is one map, put together from every \
                                second patch of h rows and w columns; t and l count patches down and \
                                across";
    ],
    example: "type = \"repatch\"\nsize = 2",
    impl LayerSpec for Repatch {
        fn build(&self, input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if self.size < 2 || !self.size.is_multiple_of(2) {
                return Err(Error::config("size", format!("must be even and at least 2, got {}", self.size)));
            }
            self.output(input)?;
            Ok(Box::new(self.clone()))
        }
    }
}

impl Repatch {
    /// Calls `each(place in the new patches, place in the old patches)`, both counted in positions.
    fn visit(&self, before: MapShape, after: MapShape, mut each: impl FnMut(usize, usize)) {
        let [_, height, width] = before.extent;
        let stride = self.size / 2;
        let mut to = 0;
        for time in 0..after.time {
            for location in 0..after.location {
                for batch in 0..after.batch {
                    for row in (time * stride..).take(self.size) {
                        for column in (location * stride..).take(self.size) {
                            let patch = 2 * (row / height) * before.location + 2 * (column / width);
                            let sample = patch * before.batch + batch;
                            each(to, (sample * height + row % height) * width + column % width);
                            to += 1;
                        }
                    }
                }
            }
        }
    }
}

impl EncoderLayer for Repatch {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let [depth, height, width] = input.extent;
        let side = |patches: usize, length: usize| patches.div_ceil(2) * length;
        let (rows, columns) = (side(input.time, height), side(input.location, width));
        if depth != 1 || rows < self.size || columns < self.size {
            let message = format!(
                "{}×{} patches of {depth}×{height}×{width} make a map of {rows}×{columns}, which is \
                 not flat or too small for patches of {}",
                input.time, input.location, self.size
            );
            return Err(Error::config("size", message));
        }
        let patches = |length: usize| (length - self.size) / (self.size / 2) + 1;
        let extent = [1, self.size, self.size];
        Ok(MapShape { time: patches(rows), location: patches(columns), extent, ..input })
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let after = self.output(pre.shape())?;
        shown::output(pre, after, &|each| self.visit(pre.shape(), after, each)).map(Activity::new)
    }

    /// Each position gets the sum of the factors of the new patches that show it; positions of dropped patches get 0.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        _trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let after = post.shape();
        shown::update("repatch", pre, post, factor, feedback, &|each| self.visit(pre.shape(), after, each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;
    use plasticity_core::device::Buffer;

    /// Nine patches of 4×4 that overlap by half.
    const SHAPE: MapShape = MapShape { time: 3, location: 3, batch: 2, extent: [1, 4, 4], channels: 1 };

    /// The values of an image of 8×8 are its places, counted; the second stimulus has 100 more everywhere.
    fn patches(size: usize, stride: usize, count: usize) -> Vec<f32> {
        let mut values = Vec::new();
        for patch in 0..count * count {
            let (row, column) = (patch / count * stride, patch % count * stride);
            for stimulus in 0..2 {
                for place in 0..size * size {
                    let at = (row + place / size) * 8 + column + place % size;
                    values.push((100 * stimulus + at) as f32);
                }
            }
        }
        values
    }

    #[test]
    fn patches_of_an_image_become_larger_patches_of_it() {
        let device = Device::open().unwrap();
        let data = Buffer::from_vec(&device, patches(4, 2, 3)).unwrap();
        let input = FeatureMap::new(SHAPE, data).unwrap();
        for (size, stride, count) in [(8, 4, 1), (4, 2, 3), (2, 1, 7)] {
            let made = Repatch { size }.forward(&input, Phase::Evaluate).unwrap().post;
            assert_eq!((made.shape().time, made.shape().location), (count, count));
            assert_eq!(made.data().to_vec().unwrap(), patches(size, stride, count), "{size}");
        }
    }

    #[test]
    fn feedback_follows_finite_differences() {
        check(r#"{ "type": "repatch", "size": 4 }"#, MapShape { channels: 2, ..SHAPE }, false);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let error = Repatch { size: 10 }.output(SHAPE).unwrap_err().to_string();
        assert_eq!(
            error,
            "size: 3×3 patches of 1×4×4 make a map of 8×8, which is not flat or too small for patches of 10"
        );
        let device = Device::open().unwrap();
        let mut random = plasticity_core::random::stream(1, &[]);
        let odd = Repatch { size: 3 }.build(SHAPE, &device, &mut random).err().unwrap().to_string();
        assert_eq!(odd, "size: must be even and at least 2, got 3");
    }
}
