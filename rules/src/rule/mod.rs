//! Plasticity rules, by kind: [`predictive`] rules over time, rules on two [`views`] of an image, [`hebbian`]
//! rules of single synapses and layers, rules that contrast [`goodness`], [`supervised`] baselines, and
//! `random`, which learns nothing.

pub mod goodness;
pub mod hebbian;
mod none;
mod output;
pub mod predictive;
pub mod supervised;
pub mod views;

pub use none::NoLearning;
