//! Convolution kernels for the CPU: forward, outer product and feedback on channels-last `f32` maps.
//!
//! A layer is convolution, bias, ReLU, then optionally a max pool. Its three stages are
//!
//! - [`forward`]: `y = pool(relu(w ∗ x + b))`, and the [`Routing`] that pooling leaves behind;
//! - [`outer`]: `ΔW = Σ post ⊗ pre`, the post factor routed to the pool's winners and gated by ReLU;
//! - [`feedback`]: the same post factor sent back through the weights to the layer below.
//!
//! [`plan`] chooses by shape how a layer becomes matrix products: [`Path`]. All paths share the
//! drivers (`forward.rs`, `outer.rs`, `feedback.rs`) and two matrix products (`matmul.rs`); a path is
//! a [`lowering::Lowering`], which says how a map, the weights and a post factor turn into operands.
//!
//! Work is cut by shape alone and sums run in a fixed order, so results have the same bits for any
//! number of threads (but not on processors with different instruction sets).

pub mod device;
mod feedback;
mod forward;
mod geometry;
mod im2col;
mod lowering;
mod matmul;
mod outer;
mod plan;
mod pool;
mod scratch;
mod unroute;
mod winograd;

#[cfg(test)]
mod reference;

pub use feedback::feedback;
pub use forward::forward;
pub use geometry::{Geometry, Pool, Post};
pub use outer::outer;
pub use plan::{Path, plan};
pub use pool::{Routing, max_pool, max_unpool};
pub use unroute::unroute;
