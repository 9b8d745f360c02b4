//! `pad`: a border around a map.

use crate::shown;
use plasticity_core::device::Device;
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};

/// The values of a border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// The map mirrored at its edge, without repeating the edge.
    #[default]
    Reflect,
    /// Zeros.
    Zero,
}

/// A border of `size` rows and columns on each side of a map.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Rows and columns on each side.
    pub size: usize,
    /// Their values.
    #[serde(default)]
    pub border: Border,
}

plugin! {
    Layer "pad": "Adds a border around the rows and columns of a map: mirrored, or zeros; nothing learns",
    equation: "z[y, x] = a[mirror(y), mirror(x)]",
    citation: "PyTorch's ReflectionPad2d; before the convolutions of SoftHebb: Journé et al. 2023",
    keys: [
        size = "", "1..=4096", "rows and columns on each side; for a mirror, fewer than the map has";
        border = "\"reflect\"", "reflect | zero", "mirrors the map at its edge, without repeating the edge; or zeros";
    ],
    example: "type = \"pad\"\nsize = 1",
    impl LayerSpec for Pad {
        fn build(&self, input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if self.size == 0 || self.size > 4096 {
                return Err(Error::config("size", format!("{} is not in 1 to 4096", self.size)));
            }
            self.output(input)?;
            Ok(Box::new(self.clone()))
        }
    }
}

impl Pad {
    /// For every place of the padded axis: the place of the map that it shows, if any.
    fn axis(&self, length: usize) -> Vec<Option<usize>> {
        let (size, last) = (self.size as isize, length as isize - 1);
        (-size..=last + size)
            .map(|place| match self.border {
                _ if (0..=last).contains(&place) => Some(place.unsigned_abs()),
                Border::Reflect => Some((last - (last - place.abs()).abs()).unsigned_abs()),
                Border::Zero => None,
            })
            .collect()
    }

    /// Calls `each(place of the padded map, place of the map)`, both counted in positions, for all
    /// places that show one.
    fn visit(&self, shape: MapShape, mut each: impl FnMut(usize, usize)) {
        let [t, y, x] = shape.extent;
        let (rows, columns) = (self.axis(y), self.axis(x));
        for map in 0..shape.samples() * t {
            for (to_row, row) in rows.iter().enumerate() {
                for (to_column, column) in columns.iter().enumerate() {
                    if let (Some(row), Some(column)) = (row, column) {
                        let to = (map * rows.len() + to_row) * columns.len() + to_column;
                        each(to, (map * y + row) * x + column);
                    }
                }
            }
        }
    }
}

impl EncoderLayer for Pad {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let [t, y, x] = input.extent;
        if self.border == Border::Reflect && self.size >= y.min(x) {
            let message =
                format!("a mirror of {} does not fit a map of {y}×{x}: use a smaller one", self.size);
            return Err(Error::config("size", message));
        }
        Ok(input.with([t, y + 2 * self.size, x + 2 * self.size], input.channels))
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let shape = self.output(pre.shape())?;
        shown::output(pre, shape, &|each| self.visit(pre.shape(), each)).map(Activity::new)
    }

    /// Each position gets the sum of the factors of the places that show it.
    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        _trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        shown::update("pad", pre, post, factor, feedback, &|each| self.visit(pre.shape(), each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    const SHAPE: MapShape = MapShape { time: 1, location: 2, batch: 1, extent: [1, 3, 4], channels: 2 };

    #[test]
    fn a_mirror_does_not_repeat_the_edge() {
        let pad = |border| Pad { size: 2, border }.axis(3);
        assert_eq!(pad(Border::Reflect), [2, 1, 0, 1, 2, 1, 0].map(Some));
        assert_eq!(pad(Border::Zero), [None, None, Some(0), Some(1), Some(2), None, None]);
    }

    #[test]
    fn feedback_follows_finite_differences() {
        check(r#"{ "type": "pad", "size": 2 }"#, SHAPE, false);
        check(r#"{ "type": "pad", "size": 1, "border": "zero" }"#, SHAPE, true);
    }

    #[test]
    fn a_mirror_larger_than_the_map_is_an_error() {
        let error = Pad { size: 3, border: Border::Reflect }.output(SHAPE).unwrap_err().to_string();
        assert_eq!(error, "size: a mirror of 3 does not fit a map of 3×4: use a smaller one");
        assert!(Pad { size: 3, border: Border::Zero }.output(SHAPE).is_ok());
    }
}
