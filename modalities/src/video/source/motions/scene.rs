//! Scenes and their motion.

use plasticity_core::random::Random;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// A class: the motion of all shapes of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// Moves along x.
    Right,
    /// Moves against x.
    Left,
    /// Moves along y.
    Down,
    /// Moves against y.
    Up,
    /// Turns from x to y (clockwise on screen).
    Clockwise,
    /// Turns from y to x.
    Anticlockwise,
    /// Grows. Fades out when large, and fades in again when small.
    Expand,
    /// Shrinks. Fades out when small, and fades in again when large.
    Contract,
    /// Swings along x.
    Sway,
    /// Swings along y.
    Bob,
}

impl Motion {
    /// All motions, in the order of their labels.
    pub const ALL: [Self; 10] = [
        Self::Right,
        Self::Left,
        Self::Down,
        Self::Up,
        Self::Clockwise,
        Self::Anticlockwise,
        Self::Expand,
        Self::Contract,
        Self::Sway,
        Self::Bob,
    ];

    /// The name in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
            Self::Down => "down",
            Self::Up => "up",
            Self::Clockwise => "clockwise",
            Self::Anticlockwise => "anticlockwise",
            Self::Expand => "expand",
            Self::Contract => "contract",
            Self::Sway => "sway",
            Self::Bob => "bob",
        }
    }
}

/// The speed along x or y, in widths of the frame per frame.
const SLIDE: f32 = 0.03;
/// The speed of a turn, in turns per frame (0.15 rad).
const TURN: f32 = 0.024;
/// The speed of growth, in cycles per frame.
const GROWTH: f32 = 0.03;
/// The amplitude of a swing, in widths of the frame.
const SWING: f32 = 0.12;
/// The frequency of a swing, in swings per frame.
const SWINGS: f32 = 0.08;

/// The state of a shape. Each value is in [0, 1) and wraps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// The position along x, in widths of the frame.
    pub x: f32,
    /// The position along y, in heights of the frame.
    pub y: f32,
    /// The orientation, in turns.
    pub angle: f32,
    /// The position in the cycle from small to large.
    pub growth: f32,
}

/// A shape and its appearance.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The pose at time 0.
    pub start: Pose,
    /// The position in its swing at time 0, in swings. Only sway and bob use it.
    pub phase: f32,
    /// The number of corners: 0 for an ellipse, 3 for a triangle, 4 for a bar.
    pub corners: u8,
    /// The colours of the stripes.
    pub colours: [[f32; 3]; 2],
    /// The number of stripes across the shape.
    pub stripes: f32,
}

/// A grating of the background, which does not move.
#[derive(Clone, Debug)]
pub struct Grating {
    /// The number of waves across and down the frame.
    pub waves: [f32; 2],
    /// The phase, in waves.
    pub phase: f32,
    /// The amplitude in each channel.
    pub colour: [f32; 3],
}

impl Shape {
    fn draw(random: &mut Random) -> Self {
        Self {
            start: Pose {
                x: random.random(),
                y: random.random(),
                angle: random.random(),
                growth: random.random(),
            },
            phase: random.random(),
            corners: [0, 3, 4][random.random_range(0..3)],
            colours: std::array::from_fn(|_| std::array::from_fn(|_| random.random())),
            stripes: random.random_range(1.0..2.5),
        }
    }
}

/// The content of a clip, without its motion.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The shapes, back to front.
    pub shapes: Vec<Shape>,
    /// The background.
    pub gratings: Vec<Grating>,
    /// The factor of all speeds.
    pub pace: f32,
}

impl Scene {
    /// Draws a scene with `shapes` shapes, and gratings with contrasts up to `background`. It does not depend
    /// on the motion.
    pub fn draw(shapes: usize, background: f32, random: &mut Random) -> Self {
        let gratings = (0..3)
            .map(|_| Grating {
                waves: [random.random_range(-3..=3) as f32, random.random_range(-3..=3) as f32],
                phase: random.random(),
                colour: std::array::from_fn(|_| background * random.random_range(-1.0..1.0)),
            })
            .collect();
        let pace = random.random_range(0.75..1.25);
        let shapes = (0..shapes).map(|_| Shape::draw(random)).collect();
        Self { shapes, gratings, pace }
    }

    /// The scene at a frame if shapes live for `lifetime` frames (0: forever). A new shape replaces each
    /// shape when its time is over. The first replacement comes after a part of the lifetime that differs
    /// between shapes. `successor` gives the random numbers of a shape's n-th successor, n from 1. A new
    /// shape is as uniform as the first, so replacement does not show the motion.
    #[must_use]
    pub fn at(mut self, frame: usize, lifetime: usize, successor: impl Fn(usize, usize) -> Random) -> Self {
        if lifetime == 0 {
            return self;
        }
        let count = self.shapes.len();
        for (index, shape) in self.shapes.iter_mut().enumerate() {
            let generation = (frame + index * lifetime / count) / lifetime;
            if generation > 0 {
                *shape = Shape::draw(&mut successor(index, generation));
            }
        }
        self
    }

    /// The pose of a shape at `time`, in frames.
    pub fn pose(&self, shape: &Shape, motion: Motion, time: f32) -> Pose {
        let time = time * self.pace;
        let swing = SWING * (TAU * (shape.phase + SWINGS * time)).sin();
        let mut pose = shape.start;
        match motion {
            Motion::Right => pose.x += SLIDE * time,
            Motion::Left => pose.x -= SLIDE * time,
            Motion::Down => pose.y += SLIDE * time,
            Motion::Up => pose.y -= SLIDE * time,
            Motion::Clockwise => pose.angle += TURN * time,
            Motion::Anticlockwise => pose.angle -= TURN * time,
            Motion::Expand => pose.growth += GROWTH * time,
            Motion::Contract => pose.growth -= GROWTH * time,
            Motion::Sway => pose.x += swing,
            Motion::Bob => pose.y += swing,
        }
        let wrap = |value: f32| value - value.floor();
        Pose { x: wrap(pose.x), y: wrap(pose.y), angle: wrap(pose.angle), growth: wrap(pose.growth) }
    }
}
