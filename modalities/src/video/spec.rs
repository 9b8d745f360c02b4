//! `[stimulus] type = "clips"`.

use super::source::{ClipSource, ClipSourceSpec};
use super::stimulus::ClipStimulus;
use super::treatment::Treatment;
use crate::common::apart;
use crate::common::choice::choice;
use crate::common::{limit, standardise};
use plasticity_core::map::MapShape;
use plasticity_core::stimulus::{Outline, Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// Config of the stimulus `clips`. [`Treatment`] says what happens to frames.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipsSpec {
    #[serde(deserialize_with = "choice")]
    source: Box<dyn ClipSourceSpec>,
    #[serde(default = "three")]
    every: usize,
    #[serde(default = "fifty_four")]
    frames: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe_frames: Option<usize>,
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
    /// Refuses clips that are on both sides of the probe. A side that cannot be opened is skipped here;
    /// opening it reports the error.
    fn check_apart(&self, clips: &dyn ClipSource, split: Split, seed: u64) -> Result<()> {
        let files = |clips: &dyn ClipSource| -> Vec<apart::Item> {
            (0..clips.len()).map(|index| clips.files(index)).filter(|files| !files.is_empty()).collect()
        };
        let here = files(clips);
        if here.is_empty() {
            return Ok(());
        }
        // Learning and training a probe use the same clips.
        let other = if split == Split::ProbeTest { Split::Learn } else { Split::ProbeTest };
        let there = self.source.open(other, seed).map_or_else(|_| Vec::new(), |clips| files(&*clips));
        let (learned, tested) = if split == Split::ProbeTest { (there, here) } else { (here, there) };
        let Some((learned, tested)) = apart::shared(&learned, &tested)? else { return Ok(()) };
        let message = format!(
            "learning and test clips share files ({}), so the network would learn from test clips: remove them \
             on one side",
            apart::why(&learned, &tested)
        );
        Err(Error::config("source", message))
    }

    /// Checks all values and returns the treatment of frames.
    pub(super) fn treatment(&self) -> Result<Treatment> {
        let whole = |key: &str, value: usize, range: std::ops::RangeInclusive<usize>| {
            if range.contains(&value) {
                return Ok(());
            }
            let message = format!("expected {} to {}, got {value}", range.start(), range.end());
            Err(Error::config(key, message))
        };
        whole("every", self.every, 1..=1000)?;
        whole("frames", self.frames, 1..=10_000)?;
        whole("probe_frames", self.probe_frames.unwrap_or(self.frames), 1..=10_000)?;
        whole("size", self.size, 1..=4096)?;
        let resize = self.resize.unwrap_or(self.size);
        whole("resize", resize, self.size..=4096)?;
        let longest = self.probe_frames.unwrap_or(self.frames).max(self.frames);
        limit::check("frames", &[longest, self.size, self.size, 3])?;
        if !(0.0..=1.0).contains(&self.grey) {
            let message = format!("expected a probability from 0 to 1, got {}", self.grey);
            return Err(Error::config("grey", message));
        }
        let in_range =
            self.jitter.iter().zip([1.0, 1.0, 1.0, 0.5]).all(|(value, most)| (0.0..=most).contains(value));
        if !in_range {
            let message = format!(
                "expected brightness, contrast and saturation from 0 to 1 and hue from 0 to 0.5, got {:?}",
                self.jitter
            );
            return Err(Error::config("jitter", message));
        }
        if !self.mean.iter().all(|value| value.is_finite()) {
            return Err(Error::config("mean", format!("expected finite values, got {:?}", self.mean)));
        }
        for (mean, std) in self.mean.into_iter().zip(self.std) {
            standardise::check("std", mean.into(), std.into(), [0.0, 1.0])?;
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
    Stimulus "clips": "Video clips whose time is an axis of the map; each clip is flipped and cropped, the \
                       colours of each frame change",
    equation: "x[t] = (crop(frame[start + every · t]) − mean) / std",
    citation: "Illing et al. 2021, Appendix B.3; Han, Xie & Zisserman 2019 (treatment of UCF-101)",
    keys: [
        source = "", "a source", "source of the clips: `frames`, `ucf101` or `motions`";
        every = "3", "1..=1000", "step between two frames of a clip, in stored frames";
        frames = "54", "1..=10000", "frames of a clip; shorter stored clips are skipped";
        probe_frames = "", "1..=10000", "frames of a clip for the probe; left out: as `frames`";
        size = "128", "1..=4096 pixels", "side of the square cut from each frame";
        resize = "", "1..=4096 pixels", "before cutting, the shorter side of a frame is scaled to this, at least \
                                         `size` (the longer side then has at most 16384); left out: as `size`";
        flip = "true", "true | false", "mirrors half of the clips in learning (set false if the class is a \
                                        direction, as in `motions`)";
        grey = "0.5", "[0, 1]", "probability in learning that one random channel of a frame replaces all three";
        jitter = "[0.5, 0.5, 0.5, 0.25]", "4 of [0, 1]", "largest change of brightness, contrast, saturation and \
                                                          hue (at most 0.5) of a frame in learning";
        mean = "[0.485, 0.456, 0.406]", "3 of number", "mean of each channel, values in [0, 1]";
        std = "[0.229, 0.224, 0.225]", "3 of > 0", "standard deviation of each channel";
    ],
    example: "type = \"clips\"\nevery = 1\nframes = 4\nsize = 12\nflip = false\n\n[source]\ntype = \"motions\"\nsize = 12\nlength = 6\nlearn = 20\ntrain = 20\ntest = 20\n",
    impl StimulusSpec for ClipsSpec {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            let treatment = self.treatment()?;
            let (key, frames) = match (split, self.probe_frames) {
                (Split::ProbeTrain | Split::ProbeTest, Some(frames)) => ("probe_frames", frames),
                _ => ("frames", self.frames),
            };
            let clips = self.source.open(split, seed).map_err(|error| error.under("source"))?;
            self.check_apart(&*clips, split, seed)?;
            Ok(Box::new(ClipStimulus::new(clips, treatment, self.every, (key, frames), split)?))
        }

        fn outline(&self) -> Result<Option<Outline>> {
            let size = self.treatment()?.size;
            let extent = [self.frames, size, size];
            let one = MapShape { time: 1, location: 1, batch: 1, extent, channels: 3 };
            Ok(Some(Outline { one, frames: None }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn no_link_or_copy_of_a_clip_is_on_both_sides() {
        let root = tempfile::tempdir().unwrap();
        let folder = |group: usize| root.path().join(format!("jump/jump_g{group:02}_c01"));
        for (group, frame) in [1, 2].into_iter().flat_map(|group| [1, 2].map(|frame| (group, frame))) {
            std::fs::create_dir_all(folder(group)).unwrap();
            let image = image::RgbImage::from_pixel(8, 8, image::Rgb([group as u8, frame, 9]));
            image.save(folder(group).join(format!("{frame}.png"))).unwrap();
        }
        let open = |split| {
            let spec: ClipsSpec = serde_json::from_value(serde_json::json!({
                "source": { "type": "frames", "path": root.path(), "train_groups": [1], "test_groups": [2, 3] },
                "every": 1, "frames": 2, "size": 8
            }))
            .unwrap();
            spec.open(split, 0).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(open(Split::Learn), "");
        std::os::unix::fs::symlink(folder(1), folder(3)).unwrap();
        for split in [Split::Learn, Split::ProbeTrain, Split::ProbeTest] {
            assert!(open(split).contains("share files"), "{}", open(split));
        }
        std::fs::remove_file(folder(3)).unwrap();
        std::fs::create_dir(folder(3)).unwrap();
        for frame in ["1.png", "2.png"] {
            std::fs::copy(folder(1).join(frame), folder(3).join(frame)).unwrap();
        }
        assert!(open(Split::ProbeTest).contains("jump_g03_c01"), "{}", open(Split::ProbeTest));
    }

    #[test]
    fn clips_too_large_for_memory_are_an_error_that_names_the_keys() {
        for (frames, probe_frames) in [(2000, 1), (1, 2000)] {
            let spec: ClipsSpec = serde_json::from_value(serde_json::json!({
                "source": { "type": "motions", "length": 6000 },
                "frames": frames, "probe_frames": probe_frames, "size": 4096
            }))
            .unwrap();
            let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
            assert!(error.contains("frames") && error.contains("2000 × 4096 × 4096"), "{error}");
        }
    }

    #[test]
    fn the_remedy_for_short_clips_names_the_key_that_counts_their_frames() {
        let lowered = |key: &str, split| {
            let spec = serde_json::json!({
                "source": { "type": "motions", "length": 8 }, "every": 1, "frames": 4, "size": 12, key: 9
            });
            let spec: ClipsSpec = serde_json::from_value(spec).unwrap();
            spec.open(split, 0).err().map(|error| error.to_string())
        };
        for split in [Split::ProbeTrain, Split::ProbeTest] {
            let error = lowered("probe_frames", split).unwrap();
            assert!(error.ends_with("lower `stimulus.probe_frames` or `stimulus.every`"), "{error}");
            let error = lowered("frames", split).unwrap();
            assert!(error.ends_with("lower `stimulus.frames` or `stimulus.every`"), "{error}");
        }
        assert!(lowered("probe_frames", Split::Learn).is_none());
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_the_key() {
        let cases = [
            ("every", serde_json::json!(0)),
            ("frames", serde_json::json!(0)),
            ("probe_frames", serde_json::json!(0)),
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
            assert!(error.contains(key), "{error}");
        }
    }
}
