//! A gated recurrent layer on top of a speech encoder, learning by BPTT or by e-prop.
//!
//! Cho et al. (2014) in PyTorch's form; Illing et al. (2021), Equations 20–23, with h = 0 before the first step:
//!
//! - r = σ(W_ir x + b_ir + W_hr ⟨h⟩ + b_hr)
//! - q = σ(W_iz x + b_iz + W_hz ⟨h⟩ + b_hz)
//! - n = tanh(W_in x + b_in + r ⊙ (W_hn ⟨h⟩ + b_hn))
//! - h' = (1 − q) ⊙ n + q ⊙ h
//!
//! With [`Gradient::Bptt`], ⟨h⟩ = h. With e-prop (Bellec et al. 2020), ⟨h⟩ is h, detached: no gradient passes
//! through recurrent synapses; only the leak q ⊙ h carries it in time. This gradient has two forms with the same
//! result. The first goes back in time along the leak ([`Gradient::Eprop`]). The second goes forward in time
//! with an eligibility trace for each synapse; each step multiplies it by its learning signal
//! ([`Gradient::EpropForward`], [`EpropStream`]).

mod layer;
mod spec;
mod stream;

pub use layer::{Gradient, Gru};
pub use spec::{EpropGruSpec, GruSpec};
pub use stream::EpropStream;

#[cfg(test)]
mod reference;
