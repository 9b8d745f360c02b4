//! A scene: objects of one class, given by shape and texture, on cluttered ground.

use plasticity_core::random::Random;
use rand::RngExt;
use std::f32::consts::TAU;

/// The classes, each a shape and a texture.
pub const CLASSES: [&str; 8] = [
    "disc, level stripes",
    "disc, upright stripes",
    "disc, checks",
    "disc, rings",
    "triangle, level stripes",
    "triangle, upright stripes",
    "triangle, checks",
    "triangle, rings",
];

/// The pixels of a scene of `class` (an index into [`CLASSES`]), of shape `[y, x]`, each red, green and blue.
///
/// A scene has two to four objects of the class. They have random places and sizes, a small tilt, and two
/// random colours. Statistics of single pixels do not show the class: all textures have half of each colour
/// and equally many edges, and discs and triangles have equal areas. All classes survive a flip from left to
/// right. The ground is smooth noise with strokes in random directions, in other colours.
pub fn draw(class: usize, size: usize, random: &mut Random) -> Vec<[u8; 3]> {
    let mut canvas = ground(size, random);
    // Lengths are given for images of 64 × 64 pixels.
    let unit = size as f32 / 64.0;
    for _ in 0..random.random_range(10..20u32) {
        stroke(&mut canvas, size, unit, random);
    }
    for _ in 0..random.random_range(2..=4u32) {
        Object::random(class, unit, random).draw(&mut canvas, size);
    }
    canvas.iter().map(|pixel| pixel.map(|x| (x.clamp(0.0, 1.0) * 255.0).round() as u8)).collect()
}

/// A random colour: a lightness, and a tint.
fn colour(lightness: std::ops::Range<f32>, tint: f32, random: &mut Random) -> [f32; 3] {
    let lightness = random.random_range(lightness);
    std::array::from_fn(|_| lightness + random.random_range(-tint..tint))
}

/// Noise on two scales, each interpolated between random values on a lattice.
fn ground(size: usize, random: &mut Random) -> Vec<[f32; 3]> {
    let base = colour(0.45..0.55, 0.05, random);
    let mut canvas = vec![base; size * size];
    for cells in [4, 12] {
        let amplitude = colour(0.1..0.15, 0.02, random);
        let lattice: Vec<f32> =
            (0..(cells + 1) * (cells + 1)).map(|_| random.random_range(-1.0..1.0)).collect();
        let scale = cells as f32 / size as f32;
        for (y, row) in canvas.chunks_exact_mut(size).enumerate() {
            let fy = (y as f32 + 0.5) * scale;
            for (x, pixel) in row.iter_mut().enumerate() {
                let fx = (x as f32 + 0.5) * scale;
                let (i, j) = (fy as usize, fx as usize);
                let (v, u) = (fy - i as f32, fx - j as f32);
                let at = |i: usize, j: usize| lattice[i * (cells + 1) + j];
                let top = at(i, j) * (1.0 - u) + at(i, j + 1) * u;
                let bottom = at(i + 1, j) * (1.0 - u) + at(i + 1, j + 1) * u;
                let noise = top * (1.0 - v) + bottom * v;
                for (value, amplitude) in pixel.iter_mut().zip(amplitude) {
                    *value += amplitude * noise;
                }
            }
        }
    }
    canvas
}

/// Blends `paint(dx, dy)` = (colour, cover) into the square of half-width `reach` around a place.
fn blend(
    canvas: &mut [[f32; 3]],
    size: usize,
    (cx, cy): (f32, f32),
    reach: f32,
    paint: impl Fn(f32, f32) -> ([f32; 3], f32),
) {
    let range = |c: f32| {
        let first = (c - reach).floor().max(0.0) as usize;
        first..((c + reach).ceil().max(0.0) as usize + 1).min(size)
    };
    for y in range(cy) {
        for x in range(cx) {
            let (colour, cover) = paint(x as f32 + 0.5 - cx, y as f32 + 0.5 - cy);
            if cover > 0.0 {
                for (value, new) in canvas[y * size + x].iter_mut().zip(colour) {
                    *value += cover * (new - *value);
                }
            }
        }
    }
}

/// The covered share of a pixel, from its signed distance to the edge (positive inside).
fn cover(distance: f32) -> f32 {
    (distance + 0.5).clamp(0.0, 1.0)
}

/// Draws a short bar in a random direction.
fn stroke(canvas: &mut [[f32; 3]], size: usize, unit: f32, random: &mut Random) {
    let place = (random.random_range(0.0..size as f32), random.random_range(0.0..size as f32));
    let (length, width) = (unit * random.random_range(3.0..8.0), unit * random.random_range(0.7..1.6));
    let (sin, cos) = random.random_range(0.0..TAU).sin_cos();
    let paint = colour(0.1..0.9, 0.15, random);
    blend(canvas, size, place, length + 1.0, |x, y| {
        let (along, across) = ((x * cos + y * sin).abs(), (y * cos - x * sin).abs());
        (paint, cover((length - along).min(width - across)))
    });
}

/// A textured shape.
struct Object {
    triangle: bool,
    texture: usize,
    place: (f32, f32),
    /// The radius of a disc of the same area.
    radius: f32,
    shape_tilt: f32,
    texture_tilt: f32,
    wavelength: f32,
    phase: [f32; 2],
    colour: [f32; 3],
    amplitude: [f32; 3],
}

impl Object {
    fn random(class: usize, unit: f32, random: &mut Random) -> Self {
        let radius = unit * random.random_range(10.0..15.0);
        let sign = if random.random::<bool>() { 1.0 } else { -1.0 };
        let mut place = || random.random_range(radius..64.0 * unit - radius);
        let place = (place(), place());
        Self {
            triangle: class >= 4,
            texture: class % 4,
            place,
            radius,
            shape_tilt: random.random_range(-0.3..0.3),
            texture_tilt: random.random_range(-0.15..0.15),
            wavelength: unit * random.random_range(5.0..8.0),
            phase: [random.random_range(0.0..TAU), random.random_range(0.0..TAU)],
            colour: colour(0.3..0.7, 0.15, random),
            amplitude: colour(0.12..0.35, 0.06, random).map(|x| sign * x),
        }
    }

    /// The signed distance to the edge, positive inside.
    fn distance(&self, x: f32, y: f32) -> f32 {
        if !self.triangle {
            return self.radius - x.hypot(y);
        }
        // The in-radius i of an equilateral triangle with the disc's area: π r² = 3√3 i².
        let inner = self.radius * 0.777_6;
        let side = |turn: f32| {
            let (sin, cos) = (self.shape_tilt + turn).sin_cos();
            inner - (y * cos - x * sin)
        };
        side(0.0).min(side(TAU / 3.0)).min(side(-TAU / 3.0))
    }

    /// The texture, from −1 to 1. Half of the area is near each end.
    fn texture(&self, x: f32, y: f32) -> f32 {
        let (sin, cos) = self.texture_tilt.sin_cos();
        let (u, v) = (x * cos + y * sin, y * cos - x * sin);
        let wave = |distance: f32, wavelength: f32, phase: f32| (TAU * distance / wavelength + phase).sin();
        let [p, q] = self.phase;
        let raw = match self.texture {
            0 => wave(v, self.wavelength, p),
            1 => wave(u, self.wavelength, p),
            // The wavelength is doubled in two directions, so there are as many edges as in stripes.
            2 => wave(u, 2.0 * self.wavelength, p) * wave(v, 2.0 * self.wavelength, q),
            _ => wave(x.hypot(y), self.wavelength, p),
        };
        (3.0 * raw).clamp(-1.0, 1.0)
    }

    fn draw(&self, canvas: &mut [[f32; 3]], size: usize) {
        // The corners of a triangle are at twice its in-radius.
        let reach = if self.triangle { 1.56 * self.radius } else { self.radius };
        blend(canvas, size, self.place, reach + 1.0, |x, y| {
            let cover = cover(self.distance(x, y));
            if cover <= 0.0 {
                return ([0.0; 3], 0.0);
            }
            let texture = self.texture(x, y);
            (std::array::from_fn(|c| self.colour[c] + self.amplitude[c] * texture), cover)
        });
    }
}
