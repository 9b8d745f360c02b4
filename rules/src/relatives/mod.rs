//! Relatives of CLAPP: local rules from elsewhere, each in one file with its equation and source.
//!
//! Rules of single synapses ([`Oja`], [`Sanger`], [`Bcm`], [`SoftHebb`]) see every position of a map as a row; those of
//! whole layers ([`Lpl`], [`ForwardForward`], [`Scff`], [`Dfa`]) a representation.

pub mod bcm;
pub mod dfa;
pub mod forward_forward;
mod goodness;
pub mod lpl;
mod neighbours;
pub mod oja;
pub mod sanger;
pub mod scff;
pub mod softhebb;
mod synapses;

#[cfg(test)]
mod tests;

pub use bcm::Bcm;
pub use dfa::Dfa;
pub use forward_forward::ForwardForward;
pub use lpl::Lpl;
pub use oja::Oja;
pub use sanger::Sanger;
pub use scff::Scff;
pub use softhebb::{SoftHebb, Temperature};
