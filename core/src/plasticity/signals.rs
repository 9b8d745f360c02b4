//! What a rule sees in a step, and what it makes of it.

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
    /// The representation that predicts; `None`: the target's own.
    pub context: Option<&'a Representation>,
    /// The top module's representation, for rules that ask for it ([`ContextSource::Top`](super::ContextSource::Top), `Both`).
    pub top: Option<&'a Representation>,
    /// The class of each stimulus of the batch, for supervised rules; or of each of its frames, stimulus by stimulus, with
    /// [`UNLABELLED`](crate::stimulus::UNLABELLED) where a frame has none.
    pub labels: Option<&'a [u32]>,
}

impl<'a> Signals<'a> {
    /// A target and nothing else.
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

/// What a rule makes of a step.
#[non_exhaustive]
pub struct RuleUpdate {
    /// The loss, one value on the device (read only when it is shown).
    pub loss: Buffer,
    /// Post factor −∂L/∂z of the target, shaped as it. With no context of its own, the context's is added here.
    pub target: Buffer,
    /// Post factor of the context, shaped as it, where there is a context that learns.
    pub context: Option<Buffer>,
    /// One buffer for each of the rule's parameters that learns, in memory order: the direction in which it moves.
    pub own: Vec<Buffer>,
    /// M, where the weights of the module's last layer also move by M · W.
    pub lateral: Option<Lateral>,
    /// The gates of the pairs that were compared, where the rule has such.
    pub surprise: Vec<Surprise>,
}

impl RuleUpdate {
    /// An update of the target's neurons alone.
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

    /// The same where the layer's weights move by M · W, too.
    #[must_use]
    pub fn with_lateral(self, lateral: impl Into<Option<Lateral>>) -> Self {
        Self { lateral: lateral.into(), ..self }
    }

    /// The same with the gates of the pairs that were compared.
    #[must_use]
    pub fn with_surprise(self, surprise: Vec<Surprise>) -> Self {
        Self { surprise, ..self }
    }
}
