//! Train, probe, verify and audit local self-supervised learning rules from a config.

pub mod audit;
pub mod verify;
