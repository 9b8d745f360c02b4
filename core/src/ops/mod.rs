//! Arithmetic on buffers that rules, layers, optimisers and read-outs share, on whichever device the build has.

mod pairs;
mod shapes;
pub use pairs::{Contrast, Gathered, PairDendrites};
pub use shapes::Product;

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
pub use cpu::{adam, add, add_singles, column_sums, pool, product, scale, sgd, spread};
#[cfg(not(feature = "cuda"))]
mod contrast_cpu;
#[cfg(not(feature = "cuda"))]
pub use contrast_cpu::contrast;
#[cfg(not(feature = "cuda"))]
mod pairs_cpu;
#[cfg(not(feature = "cuda"))]
pub use pairs_cpu::{add_at, pair_dendrites, pair_scores, put_rows, swap_axes, take_rows};

#[cfg(feature = "cuda")]
pub mod cuda;
#[cfg(feature = "cuda")]
pub use cuda::{
    adam, add, add_at, add_singles, column_sums, contrast, pair_dendrites, pair_scores, pool, product,
    put_rows, scale, sgd, spread, swap_axes, take_rows,
};
