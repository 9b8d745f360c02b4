//! Video: clips of actions for the stimulus `clips`.
//!
//! A *source* ([`source::ClipSource`]) gives frames: folders of extracted frames ([`source::frames`]), UCF-101's AVI files
//! through FFmpeg ([`source::ucf101`]), or built-in scenes whose class is their motion ([`source::motions`]). The stimulus
//! ([`stimulus`]) picks every n-th frame, cuts and flips them ([`square`]), colours them ([`treatment`]) and keeps out
//! clips that are too short. People (groups g01, g02, …) never stand on both sides of a split ([`source::division`]).

pub mod source;
pub mod spec;
pub mod square;
pub mod stimulus;
pub mod treatment;
