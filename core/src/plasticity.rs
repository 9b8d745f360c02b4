//! Plasticity rules: from representations to post factors and the update of the rule's own weights.

use crate::autodiff;
use crate::device::{Buffer, Device, TapedScalar};
use crate::draws::Draws;
use crate::error::{Error, Result};
use crate::map::{FeatureMap, MapShape};
use crate::parameter::Parameter;
use crate::random::Random;
use crate::representation::{Pooling, Representation, RepresentationShape};

/// Where a rule's context comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextSource {
    /// The module's own representation.
    #[default]
    Same,
    /// The module above (the last one: its own); its layers receive the context's post factor.
    Above,
    /// The top module, as a signal only: it receives no post factor.
    Top,
    /// The module's own representation and, as a signal only, the top module's.
    Both,
}

/// What a rule sees in one step.
pub struct Signals<'a> {
    /// The representation that is predicted.
    pub target: &'a Representation,
    /// The representation that predicts; `None`: the target's own.
    pub context: Option<&'a Representation>,
    /// The top module's representation, for rules that ask for it ([`ContextSource::Top`], `Both`).
    pub top: Option<&'a Representation>,
    /// The class of each stimulus of the batch, for supervised rules; or of each of its frames, stimulus by stimulus, with
    /// [`UNLABELLED`](crate::stimulus::UNLABELLED) where a frame has none.
    pub labels: Option<&'a [u32]>,
}

/// What a rule makes of a step.
pub struct RuleUpdate {
    /// The loss, one value on the device (read only when it is shown).
    pub loss: Buffer,
    /// Post factor −∂L/∂z of the target, shaped as it. With no context of its own, the context's is added here.
    pub target: Buffer,
    /// Post factor of the context, shaped as it, where there is a context that learns.
    pub context: Option<Buffer>,
    /// One buffer for each of [`PlasticityRule::parameters`] that learns, in memory order: the direction in
    /// which it moves.
    pub own: Vec<Buffer>,
    /// M `[channels, channels]`, where the weights of the module's last layer also move by M · W.
    pub lateral: Option<Buffer>,
}

/// Which activity of a module's last layer a rule works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// The output, after ρ and pooling; the layer multiplies the post factor by ρ'(a).
    #[default]
    Output,
    /// The summed inputs a of all neurons at all positions; the post factor is used as it is.
    Activation,
}

/// A learning rule of one module.
///
/// Implement [`loss`](Self::loss) in dfdx, and the update follows by automatic differentiation; or
/// [`update`](Self::update) in closed form, as a rule that follows no loss must; or both, and the plugin
/// suite checks one against the other.
pub trait PlasticityRule: Send {
    /// The update of one step.
    ///
    /// # Errors
    /// Where the rule cannot work on such representations.
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        autodiff::update(self, signals, draws)?.ok_or_else(|| {
            Error::shape("rule", "implements neither `update` nor `loss`: it has to implement one of them")
        })
    }

    /// The loss that the rule follows, in dfdx, or `None` if it follows none.
    ///
    /// # Errors
    /// Where the rule cannot work on such representations.
    fn loss(&self, _signals: &autodiff::Taped, _draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        Ok(None)
    }

    /// Turns the batch into what the network sees while it learns (called on the first module's rule): contrasts that
    /// are made of whole stimuli, such as positive and negative ones side by side. See [`RuleSpec::prepared`].
    ///
    /// # Errors
    /// Where the rule cannot work on such stimuli.
    fn prepare(
        &mut self,
        input: FeatureMap,
        _labels: Option<&[u32]>,
        _draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        Ok(input)
    }

    /// Turns stimuli into what the network sees where it is read out (called on the first module's rule), of the same shape;
    /// `None`: the stimuli as they are. For rules whose [`prepare`](Self::prepare) writes on stimuli what a read-out may not
    /// know, such as labels.
    ///
    /// # Errors
    /// Where the rule cannot work on such stimuli.
    fn prepare_readout(&self, _input: &FeatureMap) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// Called once the module's parameters have moved by the last [`update`](Self::update): where a rule takes the step
    /// into running averages of its own, so that a step that is only measured leaves no trace. Averages that later
    /// updates depend on have to be parameters that do not learn ([`Parameter::fixed`]), for only parameters are saved.
    ///
    /// # Errors
    /// Where a copy from or to the device fails.
    fn applied(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether the rule changes anything (`random` does not).
    fn learns(&self) -> bool {
        true
    }

    /// The rule's own weights.
    fn parameters(&self) -> Vec<&Parameter> {
        Vec::new()
    }

    /// The rule's own weights, to be changed.
    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

/// What a rule can know when it is built for a module.
pub struct RuleContext<'a> {
    /// Shape of the target for a full batch: of the summed inputs with [`Level::Activation`], else of the output, or of the
    /// input of a recurrent layer that predicts it.
    pub target: RepresentationShape,
    /// Shape of the context, of the module's own or of the one above.
    pub context: RepresentationShape,
    /// Shape of the top module's representation.
    pub top: RepresentationShape,
    /// Which module, from 0.
    pub module: usize,
    /// How many modules.
    pub modules: usize,
    /// How many classes the stimuli have, where they are labelled.
    pub classes: Option<usize>,
    /// The device.
    pub device: &'a Device,
}

/// Which layers share a module, in a config: `"layerwise"`, `"end_to_end"`, a named preset, or lists of
/// layers counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Modules {
    /// A name: see [`crate::modules`].
    Named(String),
    /// Lists of layers, counted from 1.
    Lists(Vec<Vec<usize>>),
}

/// What a config says of a rule; [`RuleSpec::build`] makes it for a module.
#[typetag::serde(tag = "type")]
pub trait RuleSpec: Send + Sync + std::fmt::Debug {
    /// Makes the rule for a module, with fresh weights.
    ///
    /// # Errors
    /// Where a value is out of range or the rule cannot work on such representations.
    fn build(&self, context: &RuleContext, random: &mut Random) -> Result<Box<dyn PlasticityRule>>;

    /// How the maps of `module` (from 0) become representations.
    fn pooling(&self, _module: usize) -> Pooling {
        Pooling::Mean
    }

    /// Which activity of a module's last layer the rule works on.
    fn level(&self) -> Level {
        Level::Output
    }

    /// The shape that [`PlasticityRule::prepare`] makes of a batch.
    fn prepared(&self, input: MapShape) -> MapShape {
        input
    }

    /// Where the context comes from.
    fn context(&self) -> ContextSource {
        ContextSource::Same
    }

    /// The modules that the rule is meant for, where the config names none.
    fn modules(&self) -> Modules {
        Modules::Named("layerwise".to_owned())
    }

    /// How many views of each stimulus of so many steps in time the rule learns from, where it pairs them: they stand side
    /// by side along the batch.
    fn views(&self, _steps: usize) -> Option<usize> {
        None
    }

    /// Whether it needs a labelled stimulus to learn.
    fn supervised(&self) -> bool {
        false
    }
}
