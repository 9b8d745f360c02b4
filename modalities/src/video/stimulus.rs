//! The stimulus `clips`.

use super::source::{ClipSource, Picks};
use super::square::Square;
use super::treatment::Treatment;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Label, Sample, Split, Stimulus};
use plasticity_core::{Error, Result};
use rand::RngExt;

/// One opened split, with the clips that are long enough.
pub struct ClipStimulus {
    clips: Box<dyn ClipSource>,
    long_enough: Vec<usize>,
    treatment: Treatment,
    every: usize,
    frames: usize,
}

impl ClipStimulus {
    /// The clips that hold `frames` frames; `key` is the key that says how many.
    ///
    /// # Errors
    /// If no clip is long enough.
    pub(super) fn new(
        clips: Box<dyn ClipSource>,
        treatment: Treatment,
        every: usize,
        (key, frames): (&str, usize),
        split: Split,
    ) -> Result<Self> {
        let reach = Picks::reach(every, frames);
        let long_enough: Vec<_> =
            (0..clips.len()).filter(|&index| clips.frame_count(index) >= reach).collect();
        let short = clips.len() - long_enough.len();
        let needed = format!("{frames} frames with `every = {every}` need clips of {reach} frames");
        if long_enough.is_empty() {
            let longest = (0..clips.len()).map(|index| clips.frame_count(index)).max().unwrap_or(0);
            let message = format!(
                "all {short} clips are too short: {needed}, but the longest has {longest}; lower \
                 `stimulus.{key}` or `stimulus.every`"
            );
            return Err(Error::stimulus(format!("clips, {split:?}"), message));
        }
        if short > 0 {
            tracing::warn!(
                "{split:?}: {short} of {} clips are too short and are skipped ({needed})",
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

    fn name(&self, index: usize) -> Option<String> {
        self.long_enough.get(index).map(|&clip| self.clips.place(clip))
    }

    fn recording(&self, index: usize) -> u64 {
        self.long_enough.get(index).map_or(u64::MAX, |&clip| self.clips.recording(clip))
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
    use super::super::source::{Cut, Frame};
    use super::super::spec::ClipsSpec;
    use super::*;
    use plasticity_core::random::stream;

    /// Clips of given lengths; every pixel of frame i has the value i.
    #[derive(Debug)]
    struct Lengths(Vec<usize>, Vec<String>);

    impl ClipSource for Lengths {
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
        ClipStimulus::new(clips, spec.treatment().unwrap(), 3, ("frames", 4), Split::Learn)
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
    fn probe_takes_every_third_frame_around_the_middle() {
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
}
