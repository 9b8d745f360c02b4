//! Speech: from files (or a built-in synthesiser) to windows of 16 kHz samples, with phone or speaker labels.
//!
//! `[stimulus] type = "speech"` names a source for learning and two labelled ones for the read-out; sources are
//! [`librispeech`](source::Librispeech), [`timit`](source::Timit), [`recordings`](source::Recordings) and
//! [`synthetic_speech`](source::SyntheticSpeech). A plugin crate adds its own by implementing
//! [`SpeechSource`](corpus::SpeechSource).

pub mod corpus;
pub mod decode;
pub mod formant;
pub mod labels;
pub mod mfcc;
pub mod normalise;
mod recent;
mod resample;
pub mod source;
mod spec;
mod sphere;
mod tiles;
mod windows;

pub use normalise::Normalise;
pub use spec::{LabelKind, Labelled, SpeechSpec};

/// Samples a second that encoders see; other rates are resampled.
pub const RATE: u32 = 16_000;
/// Samples of one labelled frame: 10 ms, the stride of the paper's five convolutions (5 · 4 · 2 · 2 · 2).
pub const HOP: usize = 160;

#[cfg(test)]
mod tests;
