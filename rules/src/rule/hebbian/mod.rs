//! Hebbian rules. Rules of single synapses ([`Oja`], [`Sanger`], [`Bcm`], [`SoftHebb`]) see every position of
//! a map as a row. The rule of a whole layer ([`Lpl`]) sees a representation.

pub mod bcm;
pub mod lpl;
mod neighbours;
pub mod oja;
pub mod sanger;
pub mod softhebb;
mod synapses;

pub use bcm::Bcm;
pub use lpl::Lpl;
pub use oja::Oja;
pub use sanger::Sanger;
pub use softhebb::SoftHebb;
