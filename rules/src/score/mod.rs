//! Score functions.

pub mod bilinear;
pub mod w_retro;

pub use bilinear::{Bilinear, BilinearScore};
pub use w_retro::WRetro;
