//! Drifting gratings of four orientations: a stimulus made by the program.

use plasticity_core::map::MapShape;
use plasticity_core::random::{Random, purpose, stream};
use plasticity_core::stimulus::{Label, Sample, Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result, plugin};
use rand::RngExt;

const SIZE: usize = 8;
const STEPS: usize = 4;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gratings {
    pub count: usize,
}

struct Opened {
    count: usize,
    seed: u64,
    split: u64,
}

impl Stimulus for Opened {
    fn len(&self) -> usize {
        self.count
    }

    fn shape(&self, batch: usize) -> MapShape {
        MapShape { time: 1, location: 1, batch, extent: [STEPS, SIZE, SIZE], channels: 1 }
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some([0, 45, 90, 135].map(|degrees| format!("{degrees}°")).to_vec())
    }

    fn sample(&self, index: usize, _: Option<&mut Random>) -> Result<Sample> {
        let mut random = stream(self.seed, &[purpose::SYNTHETIC, self.split, index as u64]);
        let class = random.random_range(0..4u32);
        let (sin, cos) = (class as f32 * std::f32::consts::FRAC_PI_4).sin_cos();
        let phase = random.random_range(0.0..std::f32::consts::TAU);
        let mut values = Vec::new();
        for step in 0..STEPS {
            for y in 0..SIZE {
                for x in 0..SIZE {
                    values.push((x as f32 * cos + y as f32 * sin + phase + step as f32 * 0.5).sin());
                }
            }
        }
        Ok(Sample { values, label: Label::Class(class) })
    }
}

plugin! {
    Stimulus "gratings": "Drifting gratings of four orientations",
    equation: "x = sin(k · r + φ + ω t)",
    citation: "Hubel & Wiesel 1959",
    keys: [count = "", "1..", "stimuli in every split";],
    example: "type = \"gratings\"\ncount = 64\n",
    impl StimulusSpec for Gratings {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            if self.count == 0 {
                return Err(Error::config("count", "0 is not in 1 …"));
            }
            Ok(Box::new(Opened { count: self.count, seed, split: split as u64 }))
        }
    }
}
