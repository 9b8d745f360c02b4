//! The stimulus `clips`.

use super::clip::{ClipSource, Clips, Picks};
use super::square::Square;
use super::treatment::Treatment;
use crate::choice::choice;
use crate::limit;
use crate::standardise;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Label, Sample, Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result, plugin};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Config of the stimulus `clips`: see [`Treatment`] for what happens to frames.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipsSpec {
    #[serde(deserialize_with = "choice")]
    source: Box<dyn ClipSource>,
    #[serde(default = "three")]
    every: usize,
    #[serde(default = "fifty_four")]
    frames: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    readout_frames: Option<usize>,
    #[serde(default = "one_hundred_and_twenty_eight")]
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    resize: Option<usize>,
    #[serde(default = "yes")]
    flip: bool,
    #[serde(default = "half")]
    grey: f64,
    #[serde(default = "jitter")]
    jitter: [f32; 4],
    #[serde(default = "mean")]
    mean: [f32; 3],
    #[serde(default = "std")]
    std: [f32; 3],
}

fn three() -> usize {
    3
}
fn fifty_four() -> usize {
    54
}
fn one_hundred_and_twenty_eight() -> usize {
    128
}
fn yes() -> bool {
    true
}
fn half() -> f64 {
    0.5
}
fn jitter() -> [f32; 4] {
    [0.5, 0.5, 0.5, 0.25]
}
fn mean() -> [f32; 3] {
    [0.485, 0.456, 0.406]
}
fn std() -> [f32; 3] {
    [0.229, 0.224, 0.225]
}

impl ClipsSpec {
    /// Checks every value.
    fn treatment(&self) -> Result<Treatment> {
        let whole = |key: &str, value: usize, range: std::ops::RangeInclusive<usize>| {
            if range.contains(&value) {
                return Ok(());
            }
            let message = format!("expected {} to {}, got {value}", range.start(), range.end());
            Err(Error::config(format!("stimulus.{key}"), message))
        };
        whole("every", self.every, 1..=1000)?;
        whole("frames", self.frames, 1..=10_000)?;
        whole("readout_frames", self.readout_frames.unwrap_or(self.frames), 1..=10_000)?;
        whole("size", self.size, 1..=4096)?;
        let resize = self.resize.unwrap_or(self.size);
        whole("resize", resize, self.size..=4096)?;
        let longest = self.readout_frames.unwrap_or(self.frames).max(self.frames);
        limit::check(
            "stimulus.frames, stimulus.readout_frames, stimulus.size",
            &[longest, self.size, self.size, 3],
        )?;
        if !(0.0..=1.0).contains(&self.grey) {
            let message = format!("expected a probability from 0 to 1, got {}", self.grey);
            return Err(Error::config("stimulus.grey", message));
        }
        let in_range =
            self.jitter.iter().zip([1.0, 1.0, 1.0, 0.5]).all(|(value, most)| (0.0..=most).contains(value));
        if !in_range {
            let message = format!(
                "expected brightness, contrast and saturation from 0 to 1 and hue from 0 to 0.5, got {:?}",
                self.jitter
            );
            return Err(Error::config("stimulus.jitter", message));
        }
        if !self.mean.iter().all(|value| value.is_finite()) {
            return Err(Error::config(
                "stimulus.mean",
                format!("expected finite values, got {:?}", self.mean),
            ));
        }
        for (mean, std) in self.mean.into_iter().zip(self.std) {
            standardise::check("stimulus.std", mean.into(), std.into(), [0.0, 1.0])?;
        }
        Ok(Treatment {
            size: self.size,
            resize,
            flip: self.flip,
            grey: self.grey,
            jitter: self.jitter,
            mean: self.mean,
            std: self.std,
        })
    }
}

plugin! {
    Stimulus "clips": "Clips of video with time on the map, flipped and cut per clip, coloured per frame",
    equation: "x[t] = (crop(frame[start + every · t]) − mean) / std",
    citation: "Illing et al. 2021, Appendix B.3; Han, Xie & Zisserman 2019 (treatment of UCF-101)",
    keys: [
        source = "", "a source", "where clips come from: `frames`, `ucf101`, `motions`";
        every = "3", "1..=1000", "stored frames from one frame of a clip to the next";
        frames = "54", "1..=10000", "frames of a clip; stored clips that are too short are left out";
        readout_frames = "", "1..=10000", "frames of a clip in read-out; left out: as `frames`";
        size = "128", "1..=4096 pixels", "side of the square that is cut out of each frame";
        resize = "", "1..=4096 pixels", "shorter side, of at least `size`, that a frame is scaled to before (its longer one then has at most 16384); left out: as `size`";
        flip = "true", "true | false", "learning mirrors half of the clips (set false where the class is a direction, as in `motions`)";
        grey = "0.5", "[0, 1]", "probability that learning shows one channel of a frame, drawn at random, in all three";
        jitter = "[0.5, 0.5, 0.5, 0.25]", "4 of [0, 1]", "how far learning moves brightness, contrast, saturation and hue (at most 0.5) of a frame";
        mean = "[0.485, 0.456, 0.406]", "3 of number", "mean of each channel, values in [0, 1]";
        std = "[0.229, 0.224, 0.225]", "3 of > 0", "standard deviation of each channel";
    ],
    example: "type = \"clips\"\nevery = 1\nframes = 4\nsize = 12\nflip = false\n\n[source]\ntype = \"motions\"\nsize = 12\nlength = 6\nlearn = 20\ntrain = 20\ntest = 20\n",
    impl StimulusSpec for ClipsSpec {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            let treatment = self.treatment()?;
            let frames = match split {
                Split::Learn => self.frames,
                Split::ReadoutTrain | Split::ReadoutTest => self.readout_frames.unwrap_or(self.frames),
            };
            let clips = self.source.open(split, seed)?;
            Ok(Box::new(ClipStimulus::new(clips, treatment, self.every, frames, split)?))
        }
    }
}

/// One split, opened: the clips that are long enough.
pub struct ClipStimulus {
    clips: Box<dyn Clips>,
    long_enough: Vec<usize>,
    treatment: Treatment,
    every: usize,
    frames: usize,
}

impl ClipStimulus {
    fn new(
        clips: Box<dyn Clips>,
        treatment: Treatment,
        every: usize,
        frames: usize,
        split: Split,
    ) -> Result<Self> {
        let reach = Picks::reach(every, frames);
        let long_enough: Vec<_> =
            (0..clips.len()).filter(|&index| clips.frame_count(index) >= reach).collect();
        let short = clips.len() - long_enough.len();
        let needed = format!("{frames} frames, every {every}, need clips of {reach} frames");
        if long_enough.is_empty() {
            let longest = (0..clips.len()).map(|index| clips.frame_count(index)).max().unwrap_or(0);
            let message = format!(
                "all {short} clips are too short: {needed}, and the longest has {longest}; lower \
                 `stimulus.frames` or `stimulus.every`"
            );
            return Err(Error::stimulus(format!("clips, {split:?}"), message));
        }
        if short > 0 {
            tracing::warn!(
                "{split:?}: {short} of {} clips are too short and left out ({needed})",
                clips.len()
            );
        }
        Ok(Self { clips, long_enough, treatment, every, frames })
    }
}

impl Stimulus for ClipStimulus {
    fn len(&self) -> usize {
        self.long_enough.len()
    }

    fn shape(&self, batch: usize) -> MapShape {
        let extent = [self.frames, self.treatment.size, self.treatment.size];
        MapShape { time: 1, location: 1, batch, extent, channels: 3 }
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some(self.clips.classes().to_vec())
    }

    fn sample(&self, index: usize, mut augment: Option<&mut Random>) -> Result<Sample> {
        let Some(&clip) = self.long_enough.get(index) else {
            let message = format!("there are {} clips, number {index} was asked for", self.len());
            return Err(Error::stimulus("clips", message));
        };
        let spare = self.clips.frame_count(clip) - Picks::reach(self.every, self.frames);
        let first = match augment.as_mut() {
            Some(random) => random.random_range(0..=spare),
            None => spare / 2,
        };
        let picks = Picks { first, every: self.every, count: self.frames };
        let place = self.clips.place(clip);
        let mut square = Square::new(&self.treatment, &place);
        let squares = self.clips.read(clip, picks, &mut |frame| square.cut(frame, augment.as_deref_mut()))?;
        let values = self.treatment.values(&squares, augment)?;
        Ok(Sample { values, label: Label::Class(self.clips.class(clip)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::{Cut, Frame};
    use super::*;
    use plasticity_core::random::stream;

    /// Clips of given lengths; every pixel of frame i has the value i.
    #[derive(Debug)]
    struct Lengths(Vec<usize>, Vec<String>);

    impl Clips for Lengths {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn classes(&self) -> &[String] {
            &self.1
        }
        fn class(&self, _: usize) -> u32 {
            0
        }
        fn frame_count(&self, index: usize) -> usize {
            self.0[index]
        }
        fn place(&self, index: usize) -> String {
            format!("clip {index}")
        }
        fn read(&self, _: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
            let frame = |i: usize| Frame { width: 5, height: 4, rgb: vec![i as u8; 60] };
            (0..picks.count).map(|i| cut(frame(picks.first + i * picks.every))).collect()
        }
    }

    fn open(lengths: &[usize]) -> Result<ClipStimulus> {
        let spec: ClipsSpec = serde_json::from_value(serde_json::json!({
            "source": { "type": "motions" }, "size": 4, "mean": [0, 0, 0], "std": [1, 1, 1]
        }))
        .unwrap();
        let clips = Box::new(Lengths(lengths.to_vec(), vec!["walk".to_owned()]));
        ClipStimulus::new(clips, spec.treatment().unwrap(), 3, 4, Split::Learn)
    }

    #[test]
    fn short_clips_are_left_out_and_counted_and_none_left_is_an_error() {
        let stimulus = open(&[9, 10, 30, 0]).unwrap();
        assert_eq!((stimulus.len(), stimulus.clips.len()), (2, 4));
        assert_eq!(stimulus.shape(2).extent, [4, 4, 4]);
        let error = open(&[9, 3]).err().unwrap().to_string();
        assert!(
            error.contains("all 2 clips") && error.contains("10 frames") && error.contains("has 9"),
            "{error}"
        );
    }

    #[test]
    fn read_out_takes_every_third_frame_around_the_middle() {
        let stimulus = open(&[30]).unwrap();
        let sample = stimulus.sample(0, None).unwrap();
        let frames: Vec<_> = sample.values.chunks(48).map(|f| (f[0] * 255.0).round() as usize).collect();
        assert_eq!(frames, [10, 13, 16, 19]);
    }

    #[test]
    fn learning_starts_anywhere_and_repeats_with_its_stream() {
        let stimulus = open(&[12]).unwrap();
        let take = |draw| stimulus.sample(0, Some(&mut stream(5, &[draw]))).unwrap().values;
        assert_eq!(take(1), take(1));
        assert!((2..20).any(|draw| take(draw) != take(1)));
    }

    #[test]
    fn clips_too_large_for_memory_are_an_error_that_names_the_keys() {
        for (frames, readout_frames) in [(2000, 1), (1, 2000)] {
            let spec: ClipsSpec = serde_json::from_value(serde_json::json!({
                "source": { "type": "motions", "length": 6000 },
                "frames": frames, "readout_frames": readout_frames, "size": 4096
            }))
            .unwrap();
            let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
            assert!(error.contains("stimulus.frames") && error.contains("2000 × 4096 × 4096"), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_the_key() {
        let cases = [
            ("every", serde_json::json!(0)),
            ("frames", serde_json::json!(0)),
            ("readout_frames", serde_json::json!(0)),
            ("size", serde_json::json!(0)),
            ("resize", serde_json::json!(100)),
            ("grey", serde_json::json!(1.5)),
            ("jitter", serde_json::json!([0, 0, 0, 0.6])),
            ("mean", serde_json::json!([0, 0, 1e39])),
            ("std", serde_json::json!([1, 1, 0])),
            ("std", serde_json::json!([1, 1e-39, 1])),
        ];
        for (key, value) in cases {
            let spec = serde_json::json!({ "source": { "type": "motions" }, key: value });
            let spec: ClipsSpec = serde_json::from_value(spec).unwrap();
            let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
            assert!(error.contains(&format!("stimulus.{key}")), "{error}");
        }
    }
}
