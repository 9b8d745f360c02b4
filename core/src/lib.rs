//! The traits and types for plugins of the plasticity toolkit, and the registry of plugins.
//!
//! Every contrastive rule of Illing et al. (2021) is an update with four factors. The rules differ in modulation and
//! routing (inside a module of several layers, backpropagation carries the factor down):
//!
//! ΔW = Σ γ · dendrite · post' ⊗ pre
//!
//! It consists of an [`EncoderLayer`](layer::EncoderLayer), a [`ScoreFunction`](score::ScoreFunction), a
//! [`BroadcastSignal`](broadcast::BroadcastSignal) and a [`PlasticityRule`](plasticity::PlasticityRule).
//!
//! A plugin is a plain serde struct, the object that it builds, and an entry in the [`registry`]:
//!
//! ```
//! use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
//! use plasticity_core::pairs::Pairs;
//! use plasticity_core::registry::{Family, find};
//! use plasticity_core::taped::{Matrix, Scalar};
//! use plasticity_core::{Result, plugin};
//!
//! /// Every score should be near 0.
//! #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Quiet {}
//!
//! plugin! {
//!     Broadcast "quiet": "Every score should be near 0",
//!     equation: "L = mean u²",
//!     citation: "this page",
//!     keys: [],
//!     example: "type = \"quiet\"",
//!     impl BroadcastSpec for Quiet {
//!         fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
//!             Ok(Box::new(self.clone()))
//!         }
//!     }
//! }
//!
//! impl BroadcastSignal for Quiet {
//!     fn loss(&self, scores: &Matrix, _: &Pairs) -> Result<Scalar> {
//!         Ok(scores.square().mean())
//!     }
//! }
//!
//! assert_eq!(find(Family::Broadcast, "quiet", "here")?.equation, "L = mean u²");
//! # Ok::<(), plasticity_core::Error>(())
//! ```

pub mod across;
pub mod broadcast;
pub mod draws;
pub mod error;
pub mod files;
pub mod keys;
pub mod layer;
pub mod map;
pub mod observer;
pub mod parameter;
pub mod plasticity;
pub mod random;
pub mod range;
pub mod registry;
pub mod representation;
pub mod score;
pub mod stimulus;
pub mod taped;

pub use error::{Error, Result};
#[doc(hidden)]
pub use inventory;
pub use plasticity_compute::{ops, pairs, stage};

/// The compute device and its buffers of `f32`.
pub mod device {
    pub use plasticity_compute::device::{AllReduce, Buffer, Device, Indices, ON_GPU, Precision, Summing};
}
