//! What the modalities share.

pub mod choice;
pub mod colour;
pub mod folders;
pub mod limit;
pub mod standardise;
#[cfg(test)]
pub mod testing;
