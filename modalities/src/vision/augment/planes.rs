//! Images as three planes of floating-point numbers.

use crate::common::colour::Pixels;

/// The red, green and blue planes of a square image, each of shape `[y, x]`. Values are in [0, 1] up to
/// rounding.
#[derive(Clone, Debug)]
pub struct Planes {
    /// The number of rows, and of columns.
    pub size: usize,
    /// The planes.
    pub planes: [Vec<f32>; 3],
}

impl Pixels for Planes {
    fn map(&mut self, change: impl Fn([f32; 3]) -> [f32; 3]) {
        let [red, green, blue] = &mut self.planes;
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = change([*r, *g, *b]);
        }
    }

    fn pixels(&self) -> impl Iterator<Item = [f32; 3]> {
        let [red, green, blue] = &self.planes;
        red.iter().zip(green).zip(blue).map(|((r, g), b)| [*r, *g, *b])
    }
}
