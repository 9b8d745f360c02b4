//! Code that all modalities use.

pub mod apart;
pub mod choice;
pub mod colour;
pub mod files;
pub mod folders;
pub mod limit;
pub mod others;
pub mod standardise;
#[cfg(test)]
pub mod testing;
