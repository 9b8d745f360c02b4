//! `block`: several layers that stand in a config as one.

mod layer;
mod spec;

pub use layer::Block;
pub use spec::BlockSpec;
