//! Copies of some rows of a matrix, and exchange of axes.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{put_rows, swap_axes, take_rows};
