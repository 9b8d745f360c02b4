//! Score functions, broadcast signals and plasticity rules: CPC, Greedy InfoMax, CLAPP and relatives.
//!
//! A rule of Illing et al. (2021) has three parts: a [`score`] of contexts and targets, a [`broadcast`] signal that
//! computes the modulation γ of every pair from the scores, and a plasticity [`rule`] that uses both for each
//! prediction step. Each part is a plugin: see [`plasticity_core::registry`].
//!
//! The example computes CLAPP's broadcast by its closed form, for two contexts. Each has a fixation (column 0) and
//! one saccade. If a pair meets its demand (a fixation scores above 1, a saccade below −1), there is no surprise,
//! and γ is 0.
//!
//! ```
//! use plasticity_core::broadcast::BroadcastSpec;
//! use plasticity_core::device::{Buffer, Device};
//! use plasticity_core::pairs::{Pairs, Scores};
//!
//! # fn main() -> plasticity_core::Result<()> {
//! let device = Device::open()?;
//! let scores = Scores { values: Buffer::from_vec(&device, vec![0.5, -0.5, 2.0, -2.0])?, rows: 2, columns: 2 };
//! let pairs = Pairs::sampled(&device, 2, 1, vec![1, 0])?;
//! let hinge = plasticity_rules::broadcast::Hinge::default();
//! let gamma = hinge.build()?.modulation(&scores, &pairs)?.gamma.values.to_vec()?;
//! assert_eq!(gamma, [0.5, -0.5, 0.0, 0.0]);
//! # Ok(())
//! # }
//! ```

pub mod broadcast;
pub mod local;
pub mod rule;
pub mod score;
#[cfg(test)]
mod testing;
