//! Plasticity rules: `predictive` and its presets, the supervised baselines, and `random`.

mod clapp;
mod clapp_s;
mod cpc;
mod cross_entropy;
mod gim;
mod hinge_cpc;
mod hinge_cpc_time_local;
mod meetings;
mod none;
pub mod options;
pub mod predictive;
mod predictive_loss;
mod preset;
mod steps;
mod supervised;

pub use cross_entropy::{CrossEntropy, ReadoutError};
pub use none::NoLearning;
pub use options::{Negatives, Options};
pub use predictive::{Predictive, PredictiveSpec};
pub use supervised::{GreedySupervised, Supervised};
