//! The place of a rule in the network.

use crate::device::Device;
use crate::representation::RepresentationShape;

/// What a rule knows about its module when it is built.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Site<'a> {
    /// Shape of the target for a full batch: of the summed inputs with [`Level::Activation`](super::Level::Activation), else
    /// of the output, or of the input of a recurrent layer that predicts it.
    pub target: RepresentationShape,
    /// Shape of the context: the representation of this module or of the module above.
    pub context: RepresentationShape,
    /// Shape of the top module's representation.
    pub top: RepresentationShape,
    /// Which module, from 0.
    pub module: usize,
    /// How many modules.
    pub modules: usize,
    /// The number of classes, if the stimuli are labelled.
    pub classes: Option<usize>,
    /// The device.
    pub device: &'a Device,
}

impl<'a> Site<'a> {
    /// The only module, whose target is its own context.
    pub fn new(device: &'a Device, target: RepresentationShape) -> Self {
        Self { target, context: target, top: target, module: 0, modules: 1, classes: None, device }
    }

    /// The same with another context.
    #[must_use]
    pub fn with_context(self, context: RepresentationShape) -> Self {
        Self { context, ..self }
    }

    /// The same with another top.
    #[must_use]
    pub fn with_top(self, top: RepresentationShape) -> Self {
        Self { top, ..self }
    }

    /// The same as module `module` (from 0) of `modules`.
    #[must_use]
    pub fn with_module(self, module: usize, modules: usize) -> Self {
        Self { module, modules, ..self }
    }

    /// The same for stimuli with this many classes.
    #[must_use]
    pub fn with_classes(self, classes: impl Into<Option<usize>>) -> Self {
        Self { classes: classes.into(), ..self }
    }
}
