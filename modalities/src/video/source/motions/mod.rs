//! The source `motions`: built-in scenes whose class is the motion of their shapes.
//!
//! A scene has striped shapes. Each has a position on a torus, an orientation and a size. All of these are
//! drawn uniformly on a circle; sizes follow a cycle from small to large, and a shape fades where the cycle
//! wraps. A class moves one of these values at a constant speed, or lets the position swing along x or y.
//! A value that is uniform on a circle stays uniform when a constant is added. So every frame of every class
//! has the same distribution, and a single frame does not show the class.
//!
//! Shapes can be short-lived, like the dots of random-dot kinematograms (Newsome & Paré 1988). Then only the
//! motion is the same at two distant moments, and a network that predicts must see the motion.

mod render;
mod scene;

pub use scene::Motion;

use super::{ClipSource, ClipSourceSpec, Cut, Frame, Picks};
use plasticity_core::random::{purpose, stream};
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result, plugin};
use scene::Scene;
use serde::{Deserialize, Serialize};

/// Config of the source `motions`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MotionsSpec {
    motions: Vec<Motion>,
    size: usize,
    length: usize,
    shapes: usize,
    lifetime: usize,
    background: f32,
    speed: f32,
    learn: usize,
    train: usize,
    test: usize,
}

impl Default for MotionsSpec {
    fn default() -> Self {
        Self {
            motions: Motion::ALL.to_vec(),
            size: 64,
            length: 32,
            shapes: 4,
            lifetime: 0,
            background: 0.1,
            speed: 1.0,
            learn: 2000,
            train: 1000,
            test: 1000,
        }
    }
}

impl MotionsSpec {
    fn check(&self) -> Result<()> {
        let whole = |key: &str, value: usize, range: std::ops::RangeInclusive<usize>| {
            if range.contains(&value) {
                return Ok(());
            }
            let message = format!("expected {} to {}, got {value}", range.start(), range.end());
            Err(Error::config(key, message))
        };
        whole("size", self.size, 8..=1024)?;
        whole("length", self.length, 1..=10_000)?;
        whole("shapes", self.shapes, 1..=100)?;
        whole("lifetime", self.lifetime, 0..=10_000)?;
        if !(0.0..=0.5).contains(&self.background) {
            let message = format!("expected 0 to 0.5, got {}", self.background);
            return Err(Error::config("background", message));
        }
        for (key, value) in [("learn", self.learn), ("train", self.train), ("test", self.test)] {
            whole(key, value, 1..=10_000_000)?;
        }
        if !(self.speed > 0.0 && self.speed <= 4.0) {
            let message = format!("expected above 0 and at most 4, got {}", self.speed);
            return Err(Error::config("speed", message));
        }
        let twice = self.motions.iter().enumerate().find(|(i, motion)| self.motions[..*i].contains(motion));
        if self.motions.len() < 2 || twice.is_some() {
            let message = format!("expected two or more different motions, got {:?}", self.motions);
            return Err(Error::config("motions", message));
        }
        Ok(())
    }
}

plugin! {
    Source "motions": "Built-in scenes of striped shapes whose class is their motion; a single frame does not \
                       show the class",
    equation: "state[t] = state[0] + pace · speed · t (mod 1) in one of place, orientation, size; state[0] uniform, pace \
               uniform in [0.75, 1.25) for each clip",
    citation: "this toolkit",
    keys: [
        motions = "", "list of text", "the classes, two or more of right, left, down, up, \
            clockwise, anticlockwise, expand, contract, sway and bob; left out: all ten. In sway and bob, a \
            shape swings along x or y; the equation is that of the other eight";
        size = "64", "8..=1024 pixels", "side of a frame";
        length = "32", "1..=10000 frames", "length of a clip";
        shapes = "4", "1..=100", "shapes of a scene";
        lifetime = "0", "0..=10000 frames", "frames after which another shape replaces a shape; 0: never. If \
                                             shapes are short-lived and the background is plain, only the \
                                             motion is constant in a clip";
        background = "0.1", "[0, 0.5]", "contrast of the still gratings behind the shapes";
        speed = "1.0", "(0, 4]", "1: in each frame, a shape moves by about 3 % of the width (2.25 to 3.75 %, \
                                   drawn for each clip), turns by about 0.15 rad, or goes through about 3 % \
                                   of its cycle of size";
        learn = "2000", "1..=10000000", "clips to learn from";
        train = "1000", "1..=10000000", "labelled clips that train a probe";
        test = "1000", "1..=10000000", "labelled clips that test it";
    ],
    example: "type = \"motions\"\nsize = 16\nlength = 8\nlearn = 20\ntrain = 20\ntest = 20\n",
    impl ClipSourceSpec for MotionsSpec {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ClipSource>> {
            self.check()?;
            let (clips, part) = match split {
                Split::Learn => (self.learn, 0),
                Split::ProbeTrain => (self.train, 1),
                Split::ProbeTest => (self.test, 2),
            };
            let classes = self.motions.iter().map(|motion| motion.name().to_owned()).collect();
            Ok(Box::new(Motions { spec: self.clone(), classes, clips, part, seed }))
        }
    }
}

struct Motions {
    spec: MotionsSpec,
    classes: Vec<String>,
    clips: usize,
    part: u64,
    seed: u64,
}

impl ClipSource for Motions {
    fn len(&self) -> usize {
        self.clips
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn class(&self, index: usize) -> u32 {
        (index % self.classes.len()) as u32
    }

    fn frame_count(&self, _index: usize) -> usize {
        self.spec.length
    }

    fn place(&self, index: usize) -> String {
        format!("built-in clip {index}")
    }

    fn read(&self, index: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        let MotionsSpec { shapes, background, lifetime, speed, size, .. } = self.spec;
        let clip = [purpose::SYNTHETIC, self.part, index as u64];
        let scene = Scene::draw(shapes, background, &mut stream(self.seed, &clip));
        let successor = |shape: usize, generation: usize| {
            stream(self.seed, &[clip[0], clip[1], clip[2], shape as u64, generation as u64])
        };
        let motion = self.spec.motions[index % self.spec.motions.len()];
        let frame = |pick: usize| {
            let frame = picks.first + pick * picks.every;
            let scene = scene.clone().at(frame, lifetime, successor);
            render::frame(&scene, motion, frame as f32 * speed, size)
        };
        (0..picks.count).map(|pick| cut(frame(pick))).collect()
    }
}

#[cfg(test)]
mod tests;
