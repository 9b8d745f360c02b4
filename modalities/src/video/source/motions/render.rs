//! Draws the frames of a scene.

use super::scene::{Motion, Pose, Scene, Shape};
use crate::video::source::Frame;
use std::f32::consts::{PI, TAU};

/// The radius of the smallest shape, in widths of the frame.
const SMALL: f32 = 0.06;
/// The ratio of the largest to the smallest radius.
const GROWS: f32 = 4.0;

/// The frame of a scene at `time`.
pub fn frame(scene: &Scene, motion: Motion, time: f32, size: usize) -> Frame {
    let mut canvas = background(scene, size);
    for shape in &scene.shapes {
        paint(&mut canvas, size, shape, scene.pose(shape, motion, time));
    }
    let rgb = canvas.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    Frame { width: size, height: size, rgb }
}

fn background(scene: &Scene, size: usize) -> Vec<f32> {
    let mut canvas = vec![0.5; size * size * 3];
    for (at, pixel) in canvas.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((at % size) as f32 / size as f32, (at / size) as f32 / size as f32);
        for grating in &scene.gratings {
            let wave = (TAU * (grating.waves[0] * x + grating.waves[1] * y + grating.phase)).sin();
            for (value, amount) in pixel.iter_mut().zip(grating.colour) {
                *value += wave * amount;
            }
        }
    }
    canvas
}

/// Paints a shape over the canvas, across the edges of the torus.
fn paint(canvas: &mut [f32], size: usize, shape: &Shape, pose: Pose) {
    let side = size as f32;
    let radius = SMALL * GROWS.powf(pose.growth) * side;
    let opacity = (PI * pose.growth).sin().max(0.0);
    let (sin, cos) = (TAU * pose.angle).sin_cos();
    let (centre_x, centre_y) = (pose.x * side, pose.y * side);
    let reach = (1.2 * radius).ceil() as isize + 1;
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (column, row) = (centre_x.floor() as isize + dx, centre_y.floor() as isize + dy);
            let (x, y) = (column as f32 + 0.5 - centre_x, row as f32 + 0.5 - centre_y);
            // The position in the frame of the shape: rotated back, in units of the radius.
            let (u, v) = ((cos * x + sin * y) / radius, (cos * y - sin * x) / radius);
            let coverage = (0.5 - outside(shape.corners, u, v) * radius).clamp(0.0, 1.0) * opacity;
            if coverage <= 0.0 {
                continue;
            }
            let stripe = 0.5 + 0.5 * (PI * shape.stripes * (u + 1.0)).cos();
            let wrapped = |place: isize| place.rem_euclid(size as isize) as usize;
            let at = (wrapped(row) * size + wrapped(column)) * 3;
            for (channel, value) in canvas[at..at + 3].iter_mut().enumerate() {
                let colour = stripe * shape.colours[0][channel] + (1.0 - stripe) * shape.colours[1][channel];
                *value += coverage * (colour - *value);
            }
        }
    }
}

/// The approximate distance of a point from a shape of radius 1. It is below 0 inside.
fn outside(corners: u8, u: f32, v: f32) -> f32 {
    match corners {
        3 => (-u - 0.5).max(0.5 * u + 0.866 * v - 0.5).max(0.5 * u - 0.866 * v - 0.5),
        4 => (u.abs() - 1.0).max(v.abs() - 0.45),
        _ => (u * u + 4.0 * v * v).sqrt() - 1.0,
    }
}
