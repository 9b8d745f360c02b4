//! Stimuli for the plasticity toolkit: images, speech, video and synthetic scenes.
//!
//! This example draws a built-in scene: 64×64 pixels of red, green and blue. The same seed gives the same
//! scene.
//!
//! ```
//! use plasticity_core::random::stream;
//! use plasticity_modalities::vision::synthetic::draw;
//!
//! let (class, side) = (3, 64);
//! let scene: Vec<[u8; 3]> = draw(class, side, &mut stream(1, &[7]));
//! assert_eq!(scene.len(), side * side);
//! assert_eq!(scene, draw(class, side, &mut stream(1, &[7])));
//! ```

pub mod audio;
mod common;
pub mod video;
pub mod vision;
