//! Broadcast signals: from scores to the modulation γ of every pair.

pub mod autodiff;

use crate::device::Buffer;
use crate::error::Result;
use crate::pairs::{Pairs, Scores};
use crate::taped::{Matrix, Scalar};

/// The modulation of a step.
#[non_exhaustive]
pub struct Modulation {
    /// The loss, one value on the device.
    pub loss: Buffer,
    /// γ = −∂L/∂u of every pair.
    pub gamma: Scores,
}

impl Modulation {
    /// A loss, one value, and γ.
    pub fn new(loss: Buffer, gamma: Scores) -> Self {
        Self { loss, gamma }
    }
}

/// Decides how strongly, and with which sign, each pair changes synapses: γ = −∂L/∂u.
///
/// Implement [`loss`](Self::loss), and γ follows by automatic differentiation; built-in signals
/// have closed forms, which the plugin suite checks against the former.
pub trait BroadcastSignal: Send {
    /// The loss L(u) of the scores `[rows, columns]`.
    ///
    /// # Errors
    /// Where the scores do not fit the pairs.
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar>;

    /// Whether γ is −∂L/∂u of that loss. `false` for signals that follow no loss: their [`loss`](Self::loss) is
    /// never asked for, and the one in [`modulation`](Self::modulation) is only shown.
    fn follows_loss(&self) -> bool {
        true
    }

    /// Whether γ is 0 exactly where a pair surprises nobody, H = 0 (Equation 7): then the share of surprised pairs can be
    /// read off γ.
    fn gates(&self) -> bool {
        false
    }

    /// Loss and γ.
    ///
    /// # Errors
    /// Where the scores do not fit the pairs.
    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        autodiff::modulation(self, scores, pairs)
    }
}

/// What a config says of a broadcast signal.
#[typetag::serde(tag = "type")]
pub trait BroadcastSpec: Send + Sync + std::fmt::Debug {
    /// Makes the signal.
    ///
    /// # Errors
    /// Where a value is out of range.
    fn build(&self) -> Result<Box<dyn BroadcastSignal>>;
}
