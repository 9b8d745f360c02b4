//! `max_pool` and `avg_pool`: pools over rows and columns as separate layers.

mod avg;
mod max;
mod window;

pub use avg::AvgPool;
pub use max::MaxPool;
