//! What the operations on pairs ask for and give, on either device.

use crate::device::{Buffer, Indices};

/// The two sides of what pairs give back: see `pair_dendrites`.
pub struct PairDendrites {
    /// `[target rows, width]`: Σ γ · prediction over all the pairs in which a target row stands.
    pub target: Option<Buffer>,
    /// Σ γ · target over all the pairs of a context row.
    pub gathered: Option<Gathered>,
}

/// One row for each context row, or only for those that have a pair with γ ≠ 0.
pub struct Gathered {
    /// `[active rows, width]`.
    pub values: Buffer,
    /// Which context rows these are; `None`: all, in order.
    pub active: Option<Indices>,
}

/// A contrast of fixations and saccades whose loss and modulation have closed forms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contrast {
    /// L = −mean log softmax(u)\[fixation\].
    Softmax,
    /// L = weight · (mean max(0, 1 − u⁺) + mean max(0, 1 + u⁻)).
    Hinge {
        /// Multiplies loss and γ.
        weight: f32,
        /// γ has the gate H = 1\[1 − y·u > 0\].
        gate: bool,
        /// γ has the sign y.
        sign: bool,
    },
    /// L = mean softplus(−u⁺) + mean softplus(u⁻).
    Logistic,
}
