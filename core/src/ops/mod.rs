//! Arithmetic on buffers that rules, layers, optimisers and read-outs share, on whichever device the build has.

mod shapes;
pub use shapes::Product;

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
pub use cpu::{adam, add, column_sums, pool, product, scale, sgd, spread};

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
pub use cuda::{adam, add, column_sums, pool, product, scale, sgd, spread};
