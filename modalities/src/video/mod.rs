//! Video: clips of actions for the stimulus `clips`.
//!
//! A *source* ([`source::ClipSourceSpec`]) provides frames: folders of extracted frames ([`source::frames`]),
//! UCF-101's AVI files through FFmpeg ([`source::ucf101`]), or built-in scenes whose class is their motion
//! ([`source::motions`]). The stimulus ([`stimulus`]) picks every n-th frame, crops and flips frames
//! ([`square`]), changes their colours ([`treatment`]) and skips clips that are too short. A group of people
//! (g01, g02, …) is on one side of a split only ([`source::division`]).

pub mod source;
pub mod spec;
pub mod square;
pub mod stimulus;
pub mod treatment;
