//! Convolution kernels: forward, outer product and feedback on channels-last `f32` maps.
//!
//! A layer is convolution, bias, ReLU, then optionally a max pool. Its three stages are
//!
//! - `forward`: `y = pool(relu(w ∗ x + b))`, and the [`Routing`] that pooling leaves behind;
//! - `outer`: `ΔW = Σ post ⊗ pre`, the post factor routed to the pool's winners and gated by ReLU;
//! - `feedback`: the same post factor sent back through the weights to the layer below.
//!
//! On CUDA see [`device`]. On the CPU `plan` chooses by shape how a layer becomes matrix products: `Path`. All paths share the
//! drivers (`forward.rs`, `outer.rs`, `feedback.rs`) and two matrix products (`matmul.rs`); a path is
//! a `Lowering`, which says how a map, the weights and a post factor turn into operands.
//!
//! Work is cut by shape alone and sums run in a fixed order, so results have the same bits for any
//! number of threads (but not on processors with different instruction sets).

mod geometry;
pub use geometry::{Geometry, Pool, Post};

#[cfg(feature = "cuda")]
#[path = "cuda/mod.rs"]
pub mod device;
#[cfg(feature = "cuda")]
pub use device::Routing;

#[cfg(not(feature = "cuda"))]
pub mod device;
#[cfg(not(feature = "cuda"))]
mod feedback;
#[cfg(not(feature = "cuda"))]
mod forward;
#[cfg(not(feature = "cuda"))]
mod im2col;
#[cfg(not(feature = "cuda"))]
mod level;
#[cfg(not(feature = "cuda"))]
mod lowering;
#[cfg(not(feature = "cuda"))]
mod matmul;
#[cfg(not(feature = "cuda"))]
mod outer;
#[cfg(not(feature = "cuda"))]
mod plan;
#[cfg(not(feature = "cuda"))]
mod pool;
#[cfg(all(test, not(feature = "cuda")))]
mod reference;
#[cfg(not(feature = "cuda"))]
mod scratch;
#[cfg(not(feature = "cuda"))]
mod unroute;
#[cfg(not(feature = "cuda"))]
mod winograd;
#[cfg(not(feature = "cuda"))]
pub use feedback::feedback;
#[cfg(not(feature = "cuda"))]
pub use forward::forward;
#[cfg(not(feature = "cuda"))]
pub use outer::outer;
#[cfg(not(feature = "cuda"))]
pub use pool::{Routing, max_pool, max_unpool};
#[cfg(all(test, not(feature = "cuda")))]
use unroute::unroute;
