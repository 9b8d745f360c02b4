//! Plasticity rules, by kind: [`predictive`] ones over time, those between [`views`] of an image, [`hebbian`] ones of
//! single synapses and layers, contrasts of [`goodness`], [`supervised`] baselines, and `random`, which learns nothing.

pub mod goodness;
pub mod hebbian;
mod none;
mod output;
pub mod predictive;
pub mod supervised;
pub mod views;

pub use none::NoLearning;
