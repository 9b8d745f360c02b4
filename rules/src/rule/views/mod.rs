//! Rules on two augmented views of an image: CLAPP++, the same loss by backpropagation, InfoNCE and NT-Xent.
//!
//! The batch holds views 1, then views 2 of the same images: row r and row r ± B are two views of one image.

pub mod clapp_pp;
pub mod infonce;
mod pairing;
mod pool;

pub use clapp_pp::{ClappPp, ClappPpBackprop};
pub use infonce::{InfoNce, NtXent};
pub(crate) use pairing::Pairing;
pub use pool::Pool;
