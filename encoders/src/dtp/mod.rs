//! `dtp`: a layer that passes targets down through a learned inverse (difference target propagation).

mod layer;
mod spec;
#[cfg(test)]
mod tests;

pub use layer::Dtp;
pub use spec::DtpSpec;
