//! Stimuli for the plasticity toolkit: images, speech, video and synthetic scenes.

pub mod audio;
pub mod synthetic;
pub mod video;
pub mod vision;
