//! Scenes and how they move.

use plasticity_core::random::Random;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// A class: what all shapes of a scene do.
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
    /// Turns from x to y (clockwise on the screen).
    Clockwise,
    /// Turns from y to x.
    Anticlockwise,
    /// Grows, fades out when large and in again when small.
    Expand,
    /// Shrinks, fades out when small and in again when large.
    Contract,
    /// Swings along x.
    Sway,
    /// Swings along y.
    Bob,
}

impl Motion {
    /// All of them, in the order of their labels.
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

    /// Its name in configs.
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

/// Widths of the frame a step.
const SLIDE: f32 = 0.03;
/// Turns a step (0.15 rad).
const TURN: f32 = 0.024;
/// Cycles of the size a step.
const GROWTH: f32 = 0.03;
/// Widths of the frame to either side.
const SWING: f32 = 0.12;
/// Swings a step.
const SWINGS: f32 = 0.08;

/// Where a shape is; each value is in [0, 1) and wraps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Place, in widths of the frame.
    pub x: f32,
    /// Place, in heights of the frame.
    pub y: f32,
    /// Orientation, in turns.
    pub angle: f32,
    /// Place in the cycle from small to large.
    pub growth: f32,
}

/// A shape and its looks.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Where it is at time 0.
    pub start: Pose,
    /// Where in its swing it is at time 0, in swings (used by sway and bob alone).
    pub phase: f32,
    /// Corners: 0 for an ellipse, 3 for a triangle, 4 for a bar.
    pub corners: u8,
    /// The colours of its stripes.
    pub colours: [[f32; 3]; 2],
    /// Stripes across it.
    pub stripes: f32,
}

/// One grating of the background; it stands still.
#[derive(Clone, Debug)]
pub struct Grating {
    /// Waves across and down the frame.
    pub waves: [f32; 2],
    /// Its phase, in waves.
    pub phase: f32,
    /// How much it adds to each channel.
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

/// What a clip shows, whatever its motion.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The shapes, back to front.
    pub shapes: Vec<Shape>,
    /// The background.
    pub gratings: Vec<Grating>,
    /// How much faster than usual everything moves.
    pub pace: f32,
}

impl Scene {
    /// Draws a scene with `shapes` shapes and gratings of contrasts up to `background`. The motion plays no part in it.
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

    /// The scene as it is at a frame where shapes live for `lifetime` frames (0: for good): each gives way to a new one
    /// when its time is over, first after a part of it that differs from shape to shape. `successor` gives the random
    /// numbers of a shape's n-th successor, n from 1. A new shape is as uniform as the first, so this tells no motion.
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
