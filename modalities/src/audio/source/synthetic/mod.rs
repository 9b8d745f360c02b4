//! Built-in speech: nothing to download, and labels that are exact to the sample.

pub mod formant;

use super::{SpeechSource, SpeechSourceSpec, Utterance};
use crate::audio::RATE;
use crate::audio::labels::segments;
use formant::{PHONES, Voice};
use plasticity_core::error::{Error, Result};
use plasticity_core::plugin;
use plasticity_core::random::{purpose, stream};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Separates the random streams of built-in speech from those of other built-in stimuli:
/// `[SYNTHETIC, SPEECH, …]`.
const SPEECH: u64 = 0x5EEC;

/// The most utterances of all speakers together. Each takes some hundred bytes before it is spoken.
const MOST: usize = 1_000_000;

/// Config of the source `synthetic_speech`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyntheticSpeech {
    /// The number of speakers.
    pub speakers: usize,
    /// The number of the first speaker.
    pub first_speaker: usize,
    /// The number of utterances of each speaker.
    pub utterances: usize,
    /// The number of the first utterance.
    pub first_utterance: usize,
    /// The length of an utterance, in seconds.
    pub seconds: f32,
}

impl Default for SyntheticSpeech {
    fn default() -> Self {
        Self { speakers: 8, first_speaker: 0, utterances: 20, first_utterance: 0, seconds: 3.0 }
    }
}

plugin! {
    Source "synthetic_speech": "A formant synthesiser that speaks random sequences of phones",
    equation: "y[n] = A x[n] + B y[n−1] + C y[n−2], C = −exp(−2π bw T), B = 2 exp(−π bw T) cos(2π f T), A = 1 − B − C",
    citation: "after Klatt 1980 (a resonator of frequency f and bandwidth bw; T: time between samples); vowel \
               formants: Peterson & Barney 1952",
    keys: [
        speakers = "8", "1..=1000000", "number of speakers; each has its own pitch, vocal-tract length and pace";
        first_speaker = "0", "0..", "index of the first speaker; sources with separate ranges share no speaker";
        utterances = "20", "1..=1000000", "utterances of each speaker; at most 1000000 for all speakers together";
        first_utterance = "0", "0..", "index of the first utterance; sources with separate ranges share no utterance";
        seconds = "3.0", "[0.1, 60] s", "length of an utterance";
    ],
    example: "type = \"synthetic_speech\"\nspeakers = 2\nutterances = 2\nseconds = 0.5",
    impl SpeechSourceSpec for SyntheticSpeech {
        fn open(&self, seed: u64) -> Result<Box<dyn SpeechSource>> {
            let key = |key: &str, message: String| {
                Err(Error::config(key, message))
            };
            if !(0.1..=60.0).contains(&self.seconds) {
                return key("seconds", format!("expected 0.1 to 60, got {}", self.seconds));
            }
            for (name, value) in [("speakers", self.speakers), ("utterances", self.utterances)] {
                if !(1..=MOST).contains(&value) {
                    return key(name, format!("expected 1 to {MOST}, got {value}"));
                }
            }
            let all = self.speakers * self.utterances;
            if all > MOST {
                return key("utterances", format!("expected at most {MOST} for all speakers together, got {all}"));
            }
            let range = |first: usize, count: usize| first..first.saturating_add(count);
            let numbers: Vec<(usize, usize)> = range(self.first_speaker, self.speakers)
                .flat_map(|speaker| {
                    range(self.first_utterance, self.utterances).map(move |utterance| (speaker, utterance))
                })
                .collect();
            let utterances = numbers
                .iter()
                .map(|(speaker, utterance)| Utterance {
                    id: format!("synthetic-{speaker}-{utterance}"),
                    speaker: Some(format!("synthetic-{speaker}")),
                })
                .collect();
            let samples = (self.seconds * RATE as f32) as usize;
            Ok(Box::new(Synthetic { seed, samples, numbers, utterances }))
        }
    }
}

struct Synthetic {
    seed: u64,
    samples: usize,
    numbers: Vec<(usize, usize)>,
    utterances: Vec<Utterance>,
}

impl Synthetic {
    /// The speaker and the phones of utterance `index`, and the random stream that continues from them.
    fn script(&self, index: usize) -> (Voice, Vec<segments::Segment>, plasticity_core::random::Random) {
        let (speaker, utterance) = (self.numbers[index].0 as u64, self.numbers[index].1 as u64);
        let voice = Voice::draw(&mut stream(self.seed, &[purpose::SYNTHETIC, SPEECH, speaker]));
        let mut random = stream(self.seed, &[purpose::SYNTHETIC, SPEECH, speaker, utterance]);
        let script = formant::script(&voice, self.samples, &mut random);
        (voice, script, random)
    }
}

impl SpeechSource for Synthetic {
    fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    fn length(&self, _index: usize) -> Result<(usize, u32)> {
        Ok((self.samples, RATE))
    }

    fn samples(&self, index: usize) -> Result<Vec<f32>> {
        let (voice, script, mut random) = self.script(index);
        Ok(formant::speak(&voice, &script, self.samples, &mut random))
    }

    fn phones(&self) -> Option<Vec<String>> {
        Some(PHONES.iter().map(|phone| phone.name.to_owned()).collect())
    }

    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>> {
        let (_, script, _) = self.script(index);
        segments::frames(&script, frames, Path::new(&self.utterances[index].id))
    }
}
