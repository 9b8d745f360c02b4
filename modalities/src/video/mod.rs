//! Video: clips of actions for the stimulus `clips`.
//!
//! A *source* ([`clip::ClipSource`]) gives frames: folders of extracted frames ([`frames`]), UCF-101's AVI files
//! through FFmpeg ([`ucf101`]), or built-in scenes whose class is their motion ([`motions`]). The stimulus
//! ([`stimulus`]) picks every n-th frame, cuts and flips them ([`square`]), colours them ([`treatment`]) and
//! keeps out clips that are too short. People (groups g01, g02, …) never stand on both sides of a split ([`division`]).

pub mod avi;
pub mod clip;
pub mod division;
pub mod ffmpeg;
pub mod folder;
pub mod frames;
pub mod lists;
pub mod motions;
pub mod square;
pub mod stimulus;
pub mod treatment;
pub mod ucf101;
