//! Images as three planes of floating-point values.

use crate::common::colour::Pixels;

/// Red, green and blue planes of a square image, values in [0, 1] up to rounding, `[y, x]` each.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Rows and columns.
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
