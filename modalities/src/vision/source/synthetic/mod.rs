//! `source = "synthetic"`: built-in scenes, so that everything runs without data.

mod scene;

pub use scene::{CLASSES, draw};

use crate::vision::{ImageSource, ImageSourceSpec, LabelledPicture, Picture};
use plasticity_core::random::{purpose, stream};
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Scenes made from the run's seed: textured objects on cluttered ground, see [`scene::draw`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Synthetic {
    /// The side of an image, in pixels.
    pub size: usize,
    /// The number of scenes for learning.
    pub count: usize,
    /// The number of scenes that train a probe.
    pub train: usize,
    /// The number of scenes that test a probe.
    pub test: usize,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self { size: 64, count: 4096, train: 1024, test: 512 }
    }
}

/// The most scenes of a split. Each epoch draws their order and keeps it in memory.
const MOST: usize = 10_000_000;

struct Scenes {
    seed: u64,
    split: u64,
    size: usize,
    count: usize,
}

plasticity_core::plugin! {
    Source "synthetic": "Scenes drawn by the program: textured objects of 8 classes on a cluttered background",
    equation: "",
    citation: "",
    keys: [
        size = "64", "16..=1024 pixels", "side of an image";
        count = "4096", "1..=10000000", "scenes for learning";
        train = "1024", "1..=10000000", "labelled scenes that train the probe";
        test = "512", "1..=10000000", "labelled scenes that test the probe";
    ],
    example: "type = \"synthetic\"\nsize = 32\ncount = 64\ntrain = 32\ntest = 16",
    impl ImageSourceSpec for Synthetic {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ImageSource>> {
            if !(16..=1024).contains(&self.size) {
                let message = format!("must be from 16 to 1024 pixels, got {}", self.size);
                return Err(Error::config("size", message));
            }
            let (key, count, split) = match split {
                Split::Learn => ("count", self.count, 0),
                Split::ProbeTrain => ("train", self.train, 1),
                Split::ProbeTest => ("test", self.test, 2),
            };
            if !(1..=MOST).contains(&count) {
                let message = format!("must be from 1 to {MOST}, got {count}");
                return Err(Error::config(key, message));
            }
            Ok(Box::new(Scenes { seed, split, size: self.size, count }))
        }
    }
}

impl ImageSource for Scenes {
    fn len(&self) -> usize {
        self.count
    }

    fn image(&self, index: usize) -> Result<LabelledPicture> {
        // Classes alternate, so every split has equally many of each (±1).
        let class = index % scene::CLASSES.len();
        let mut random = stream(self.seed, &[purpose::SYNTHETIC, self.split, index as u64]);
        let picture = Picture::new(self.size, self.size, scene::draw(class, self.size, &mut random))?;
        Ok(LabelledPicture { picture, class: Some(class as u32) })
    }

    fn place(&self, index: usize) -> String {
        format!("synthetic scene {index}")
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some(scene::CLASSES.map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests;
