//! Losses of scores in closed form: their values, and minus their derivatives.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::pair_loss;

/// A loss of the scores of pairs whose derivative has a closed form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PairLoss {
    /// L = −mean log softmax(u)\[positive\].
    RowSoftmax,
    /// L = weight · (mean max(0, 1 − u⁺) + mean max(0, 1 + u⁻)).
    Margin {
        /// Multiplies loss and γ.
        weight: f32,
        /// γ has the gate H = 1\[1 − y·u > 0\].
        gate: bool,
        /// γ has the sign y.
        sign: bool,
    },
    /// L = mean softplus(−u⁺) + mean softplus(u⁻).
    Softplus,
}
