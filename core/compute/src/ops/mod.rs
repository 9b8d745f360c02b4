//! Arithmetic on buffers, on the device of the build. Each operation has a folder: `mod.rs` defines it,
//! `cpu.rs` and `cuda.rs` have the same functions, and `cuda.rs` launches the kernels of `kernel.cu`.

pub mod adam;
pub mod conv;
pub mod elementwise;
pub mod gru;
pub mod norm;
pub mod pair_loss;
pub mod pairs;
pub mod pooling;
pub mod product;
pub mod rows;

pub use adam::{adam, sgd};
pub use elementwise::{add, add_at, add_singles, column_sums, gate, products, relu, scale, scale_each};
pub use pair_loss::{PairLoss, pair_loss};
pub use pairs::{Gathered, PairDendrites, pair_dendrites, pair_scores};
pub use pooling::{pool, spread};
pub use product::{Product, product};
pub use rows::{put_rows, swap_axes, take_rows};
