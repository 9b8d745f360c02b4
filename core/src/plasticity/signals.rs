//! The input of a rule in a step, and its result.

use super::Surprise;
use crate::device::Buffer;
use crate::layer::Lateral;
use crate::representation::Representation;

/// What a rule sees in one step.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Signals<'a> {
    /// The representation that is predicted.
    pub target: &'a Representation,
    /// The representation that predicts; `None` if it is the target itself.
    pub context: Option<&'a Representation>,
    /// The top module's representation, for rules that ask for it ([`ContextSource::Top`](super::ContextSource::Top), `Both`).
    pub top: Option<&'a Representation>,
    /// The class of each stimulus of the batch, for supervised rules; or of each frame, stimulus by stimulus, with
    /// [`UNLABELLED`](crate::stimulus::UNLABELLED) for a frame without a class.
    pub labels: Option<&'a [u32]>,
}

impl<'a> Signals<'a> {
    /// Only a target.
    pub fn new(target: &'a Representation) -> Self {
        Self { target, context: None, top: None, labels: None }
    }

    /// The same with another context.
    #[must_use]
    pub fn with_context(self, context: impl Into<Option<&'a Representation>>) -> Self {
        Self { context: context.into(), ..self }
    }

    /// The same with another top.
    #[must_use]
    pub fn with_top(self, top: impl Into<Option<&'a Representation>>) -> Self {
        Self { top: top.into(), ..self }
    }

    /// The same with other labels.
    #[must_use]
    pub fn with_labels(self, labels: impl Into<Option<&'a [u32]>>) -> Self {
        Self { labels: labels.into(), ..self }
    }
}

/// The result of a rule for a step.
#[non_exhaustive]
pub struct RuleUpdate {
    /// The loss, one value on the device (read only when it is shown).
    pub loss: Buffer,
    /// Post factor −∂L/∂z of the target, with its shape. Without a separate context, the context's post factor is
    /// added here.
    pub target: Buffer,
    /// Post factor of the context, with its shape, if there is a learning context.
    pub context: Option<Buffer>,
    /// One buffer for each learning parameter of the rule, in memory order: the direction in which it moves.
    pub own: Vec<Buffer>,
    /// M, if the weights W of the module's last layer also move by M · W.
    pub lateral: Option<Lateral>,
    /// The gates of the compared pairs, if the rule has gates.
    pub surprise: Vec<Surprise>,
}

impl RuleUpdate {
    /// An update of only the target's neurons.
    pub fn new(loss: Buffer, target: Buffer) -> Self {
        Self { loss, target, context: None, own: Vec::new(), lateral: None, surprise: Vec::new() }
    }

    /// The same with a post factor of the context.
    #[must_use]
    pub fn with_context(self, context: impl Into<Option<Buffer>>) -> Self {
        Self { context: context.into(), ..self }
    }

    /// The same with updates of the rule's own parameters.
    #[must_use]
    pub fn with_own(self, own: Vec<Buffer>) -> Self {
        Self { own, ..self }
    }

    /// The same with a lateral update M · W of the layer's weights.
    #[must_use]
    pub fn with_lateral(self, lateral: impl Into<Option<Lateral>>) -> Self {
        Self { lateral: lateral.into(), ..self }
    }

    /// The same with the gates of the compared pairs.
    #[must_use]
    pub fn with_surprise(self, surprise: Vec<Surprise>) -> Self {
        Self { surprise, ..self }
    }
}
