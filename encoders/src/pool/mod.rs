//! `max_pool` and `avg_pool`: pools over rows and columns as separate layers; `upsample`, which undoes them.

mod avg;
mod max;
mod upsample;
mod window;

pub use avg::AvgPool;
pub use max::MaxPool;
pub use upsample::Upsample;
