//! Broadcast signals: from scores to the modulation γ of every pair.

use crate::autodiff;
use crate::device::{Buffer, TapedMatrix, TapedScalar};
use crate::error::Result;
use crate::pairs::{Pairs, Scores};

/// The modulation of a step.
pub struct Modulation {
    /// The loss, one value on the device.
    pub loss: Buffer,
    /// γ = −∂L/∂u of every pair.
    pub gamma: Scores,
}

/// Decides how strongly, and with which sign, each pair changes synapses: γ = −∂L/∂u.
///
/// Implement [`loss`](Self::loss) in dfdx, and γ follows by automatic differentiation; built-in signals
/// have closed forms, which the plugin suite checks against the former.
pub trait BroadcastSignal: Send {
    /// The loss L(u) of the scores `[rows, columns]`.
    ///
    /// # Errors
    /// Where dfdx refuses.
    fn loss(&self, scores: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar>;

    /// Whether γ is −∂L/∂u of that loss. `false` for signals that follow no loss: their [`loss`](Self::loss) is
    /// never asked for, and the one in [`modulation`](Self::modulation) is only shown.
    fn follows_loss(&self) -> bool {
        true
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
