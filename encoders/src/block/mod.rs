//! `block`: several layers that count as one in a config.

mod layer;
mod spec;

pub use layer::Block;
pub use spec::BlockSpec;
