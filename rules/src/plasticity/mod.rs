//! Plasticity rules: `predictive` and its presets, the supervised baselines, and `random`.

mod clapp;
mod clapp_s;
mod cpc;
mod gim;
mod hinge_cpc;
mod hinge_cpc_time_local;
mod none;
pub mod options;
pub mod predictive;
mod predictive_loss;
mod preset;
mod steps;
pub mod supervised;

pub use none::NoLearning;
pub use options::{Negatives, Options};
pub use predictive::{Predictive, PredictiveSpec};
pub use supervised::{CrossEntropy, GreedySupervised, Supervised};
