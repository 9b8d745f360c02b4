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

/// Computes the modulation γ = −∂L/∂u of each pair: how strongly the pair changes synapses, and with which sign.
///
/// Implement [`loss`](Self::loss); automatic differentiation gives γ. Built-in signals have closed forms, which the
/// plugin suite compares with automatic differentiation.
pub trait BroadcastSignal: Send {
    /// The loss L(u) of the scores `[rows, columns]`.
    ///
    /// # Errors
    /// If the scores do not fit the pairs.
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar>;

    /// Whether γ is −∂L/∂u of that loss. Return `false` for a signal without a loss: then [`loss`](Self::loss) is
    /// never called, and the loss in [`modulation`](Self::modulation) is only shown.
    fn follows_loss(&self) -> bool {
        true
    }

    /// Whether γ is 0 exactly for pairs without surprise, H = 0 (Equation 7). Then γ gives the share of surprised
    /// pairs.
    fn gates(&self) -> bool {
        false
    }

    /// Loss and γ.
    ///
    /// # Errors
    /// If the scores do not fit the pairs.
    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        autodiff::modulation(self, scores, pairs)
    }
}

/// The keys of a broadcast signal in a config.
#[typetag::serde(tag = "type")]
pub trait BroadcastSpec: Send + Sync + std::fmt::Debug {
    /// Builds the signal.
    ///
    /// # Errors
    /// If a value is out of range.
    fn build(&self) -> Result<Box<dyn BroadcastSignal>>;

    /// Whether the signal works in time-local learning, in which a row is a positive or negatives, never both.
    fn time_local(&self) -> bool {
        true
    }
}
