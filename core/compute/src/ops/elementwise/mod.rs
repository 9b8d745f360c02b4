//! Sums and multiples of buffers, and sums over their rows.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{add, add_at, add_singles, column_sums, scale};

use crate::error::{Error, Result};

/// Elements that one task works on.
#[cfg(not(feature = "cuda"))]
pub(super) const CHUNK: usize = 1 << 14;

pub(super) fn same_length(place: &str, a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { Err(Error::shape(place, format!("lengths {a} and {b} differ"))) }
}
