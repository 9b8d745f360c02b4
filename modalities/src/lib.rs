//! Stimuli for the plasticity toolkit: images, speech, video and synthetic scenes.
//!
//! A scene that the toolkit draws itself, red, green and blue of 64×64 pixels, and the same each time:
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
