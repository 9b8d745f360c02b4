//! One plugin of every kind, in a crate that the toolkit does not know of.

pub mod broadcast;
pub mod layer;
pub mod observer;
pub mod rule;
pub mod score;
pub mod stimulus;
