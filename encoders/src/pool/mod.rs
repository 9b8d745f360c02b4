//! `max_pool` and `avg_pool`: pools as layers of their own, over rows and columns.

mod avg;
mod max;
mod window;

pub use avg::AvgPool;
pub use max::MaxPool;
