//! Traits, network, training loop and registry of the plasticity toolkit for local learning rules.
//!
//! Every rule of Illing et al. (2021) is one four-factor update with another modulation and another routing,
//!
//! ΔW = Σ γ · dendrite · post' ⊗ pre
//!
//! composed of an [`EncoderLayer`](layer::EncoderLayer), a [`ScoreFunction`](score::ScoreFunction), a
//! [`BroadcastSignal`](broadcast::BroadcastSignal) and a [`PlasticityRule`](plasticity::PlasticityRule).

pub mod autodiff;
pub mod broadcast;
pub mod checkpoint;
pub mod config;
pub mod device;
pub mod draws;
pub mod error;
pub mod experiment;
pub mod layer;
pub mod loader;
pub mod map;
pub mod modules;
pub mod network;
pub mod ops;
pub mod optimiser;
pub mod pairs;
pub mod parameter;
pub mod plasticity;
pub mod probe;
pub mod random;
pub mod registry;
pub mod representation;
pub mod run;
pub mod score;
pub mod stage;
pub mod stimulus;
pub mod testing;
pub mod training;

pub use error::{Error, Result};
#[doc(hidden)]
pub use inventory;
