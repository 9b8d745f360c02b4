//! Speech: windows of 16 kHz samples with phone or speaker labels, from files or from a built-in synthesiser.
//!
//! `[stimulus] type = "speech"` names one source for learning and two labelled sources for the probe. The
//! sources are [`librispeech`](source::Librispeech), [`timit`](source::Timit),
//! [`recordings`](source::Recordings) and [`synthetic_speech`](source::SyntheticSpeech). A plugin crate adds
//! a source by implementing [`SpeechSourceSpec`](source::SpeechSourceSpec).

pub mod decode;
pub mod labels;
pub mod mfcc;
pub mod normalise;
mod recent;
pub mod source;
mod spec;
mod stimulus;
mod tiles;
mod time;

pub use normalise::Normalise;
pub use spec::{LabelKind, Labelled, SpeechSpec};
pub use time::{HOP, RATE};

#[cfg(test)]
mod tests;
