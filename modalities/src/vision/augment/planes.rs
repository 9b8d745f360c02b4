//! Images as three planes of floating-point values.

/// Red, green and blue planes of a square image, values in [0, 1] up to rounding, `[y, x]` each.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Rows and columns.
    pub size: usize,
    /// The planes.
    pub planes: [Vec<f32>; 3],
}

impl Planes {
    /// Changes every pixel.
    pub fn map(&mut self, change: impl Fn([f32; 3]) -> [f32; 3]) {
        let [red, green, blue] = &mut self.planes;
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = change([*r, *g, *b]);
        }
    }

    /// All pixels, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = [f32; 3]> + '_ {
        let [red, green, blue] = &self.planes;
        red.iter().zip(green).zip(blue).map(|((r, g), b)| [*r, *g, *b])
    }
}

/// Luma of ITU-R BT.601.
pub fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}
