//! Experiments with plugins: builds a network from a config, trains, probes, audits and verifies it.

pub mod alignment;
pub mod analysis;
pub mod audit;
pub mod checkpoint;
pub mod config;
pub mod experiment;
pub mod files;
pub mod loader;
pub mod memory;
pub mod modules;
pub mod network;
pub mod optimiser;
pub mod probe;
pub mod provenance;
pub mod ranks;
pub mod run;
pub mod schedule;
pub mod training;
pub mod verify;

pub use plasticity_core::{Error, Result};
