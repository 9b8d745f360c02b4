//! An example of a stimulus: drifting gratings, whose class is their orientation.

// ANCHOR: spec
use plasticity_core::map::MapShape;
use plasticity_core::random::{Random, stream};
use plasticity_core::stimulus::{Label, Sample, Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result, plugin};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f32::consts::{PI, TAU};

/// Gratings of four orientations that drift for some frames.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gratings {
    /// Side in pixels.
    pub size: usize,
    /// Frames of each stimulus.
    pub frames: usize,
    /// Stimuli for learning; the probe has a quarter of them.
    pub count: usize,
}

impl Default for Gratings {
    fn default() -> Self {
        Self { size: 16, frames: 6, count: 1024 }
    }
}

plugin! {
    Stimulus "gratings": "Drifting gratings of four orientations",
    equation: "x = sin(k · r + φ₀ + ω t)",
    citation: "the book of this toolkit",
    keys: [
        size = "16", "4.. pixels", "side";
        frames = "6", "1..", "frames of each stimulus";
        count = "1024", "16..", "stimuli for learning; the probe has a quarter of them";
    ],
    example: "type = \"gratings\"\nsize = 8\nframes = 4\ncount = 64\n",
    impl StimulusSpec for Gratings {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            for (key, value, least) in
                [("size", self.size, 4), ("frames", self.frames, 1), ("count", self.count, 16)]
            {
                if !(least..=1 << 20).contains(&value) {
                    let message = format!("{value} is not from {least} to {}", 1 << 20);
                    return Err(Error::config(key, message));
                }
            }
            let part = if split == Split::Learn { 1 } else { 4 };
            Ok(Box::new(Drifting { spec: self.clone(), count: self.count / part, seed, split }))
        }
    }
}

struct Drifting {
    spec: Gratings,
    count: usize,
    seed: u64,
    split: Split,
}
// ANCHOR_END: spec

// ANCHOR: stimulus
const ORIENTATIONS: [&str; 4] = ["0°", "45°", "90°", "135°"];

impl Stimulus for Drifting {
    fn len(&self) -> usize {
        self.count
    }

    fn shape(&self, batch: usize) -> MapShape {
        let Gratings { size, frames, .. } = self.spec;
        MapShape { time: frames, location: 1, batch, extent: [1, size, size], channels: 1 }
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some(ORIENTATIONS.map(str::to_owned).to_vec())
    }

    /// `[frame, y, x]`. In learning, each visit starts at another phase.
    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        if index >= self.count {
            return Err(Error::stimulus(
                "gratings",
                format!("there is no stimulus {index} of {}", self.count),
            ));
        }
        let class = index % ORIENTATIONS.len();
        let mut own = stream(self.seed, &[self.split as u64, index as u64]);
        let phase = TAU * augment.unwrap_or(&mut own).random::<f32>();
        let (sin, cos) = (PI * class as f32 / 4.0).sin_cos();
        let size = self.spec.size;
        let values = (0..self.spec.frames * size * size).map(|i| {
            let (frame, y, x) = (i / (size * size), i / size % size, i % size);
            (0.8 * (x as f32 * cos + y as f32 * sin) + phase + 0.5 * frame as f32).sin()
        });
        Ok(Sample { values: values.collect(), label: Label::Class(class as u32) })
    }

    /// Frames are separate maps, `[frame, stimulus, y, x]`: stimuli run fastest.
    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        let frame = self.spec.size * self.spec.size;
        let frames = (0..self.spec.frames).flat_map(|t| samples.iter().map(move |sample| (t, sample)));
        Ok(frames.flat_map(|(t, sample)| sample.values.iter().skip(t * frame).take(frame).copied()).collect())
    }
}
// ANCHOR_END: stimulus
