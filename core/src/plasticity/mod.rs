//! Plasticity rules: from representations to post factors and the update of the rule's own weights.
//!
//! A rule with a loss implements [`LossRule`]. A rule with a closed form of its update, or without a loss, implements
//! [`PlasticityRule`].

pub mod autodiff;
mod demands;
mod each;
mod signals;
mod site;
mod surprise;

pub use crate::layer::Lateral;
pub use autodiff::Taped;
pub use demands::{ContextSource, Demands, Level, Modules};
pub use each::Each;
pub use signals::{RuleUpdate, Signals};
pub use site::Site;
pub use surprise::Surprise;

use crate::draws::Draws;
use crate::error::Result;
use crate::map::FeatureMap;
use crate::parameter::Parameter;
use crate::random::Random;
use crate::representation::{Representation, RepresentationShape};
use crate::taped::Scalar;

/// A learning rule of one module.
pub trait PlasticityRule: Send {
    /// The update of one step.
    ///
    /// # Errors
    /// If the rule cannot work on such representations.
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate>;

    /// The loss of the rule, or `None` if it has none. The plugin suite compares the update with the gradient of this
    /// loss.
    ///
    /// # Errors
    /// If the rule cannot work on such representations.
    fn loss(&self, _signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        Ok(None)
    }

    /// Whether [`prepare`](Self::prepare) or [`prepare_from_below`](Self::prepare_from_below) changes a batch. A rule
    /// that implements one of them must return `true`: if several ranks train together, only such a rule sees the
    /// whole batch.
    fn prepares(&self) -> bool {
        false
    }

    /// Changes the batch before the network learns from it, for example into positive and negative stimuli. Called on
    /// the first module's rule. See [`Demands::with_prepared`].
    ///
    /// # Errors
    /// If the rule cannot work on such stimuli.
    fn prepare(
        &mut self,
        input: FeatureMap,
        _labels: Option<&[u32]>,
        _draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        Ok(input)
    }

    /// Changes stimuli before a probe, without changing their shape; `None` leaves them unchanged. For rules whose
    /// [`prepare`](Self::prepare) adds information that a probe must not have, such as labels. Called on the first
    /// module's rule.
    ///
    /// # Errors
    /// If the rule cannot work on such stimuli.
    fn prepare_probe(&self, _input: &FeatureMap) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// Writes the same class on every stimulus, without changing their shape; `None` for rules that do not recognise classes
    /// by [`goodness`](Self::goodness). Called on the first module's rule, once for each class.
    ///
    /// # Errors
    /// If the rule cannot work on such stimuli.
    fn with_class(&self, _input: &FeatureMap, _class: u32) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// How well the class written on each stimulus fits it, measured by this module's representation: a value for
    /// each stimulus of the batch, larger for a better fit. `None` for rules without
    /// [`with_class`](Self::with_class).
    ///
    /// # Errors
    /// If the rule cannot work on such representations.
    fn goodness(&self, _target: &Representation) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// Changes the output of the module below before this module learns from it, without changing its shape; `None`
    /// leaves it unchanged. For rules that make new positives and negatives in every module. Not called in the extra
    /// pass for contexts from the top.
    ///
    /// # Errors
    /// If the rule cannot work on such maps.
    fn prepare_from_below(
        &mut self,
        _below: &FeatureMap,
        _draws: &mut dyn Draws,
    ) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// [`prepare_probe`](Self::prepare_probe) for every module but the first, on the map of the module below.
    ///
    /// # Errors
    /// If the rule cannot work on such maps.
    fn prepare_probe_from_below(&self, _below: &FeatureMap) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// Called after the module's parameters have moved by the last [`update`](Self::update). Update running averages
    /// here, so that a step that is only measured does not change them. Running averages that later updates use must
    /// be fixed parameters ([`Parameter::fixed`]), because only parameters are saved.
    ///
    /// # Errors
    /// If a copy from or to the device fails.
    fn applied(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether the rule changes weights (the untrained baseline does not).
    fn learns(&self) -> bool {
        true
    }

    /// The rule's own parameters, learning and fixed, always in the same order.
    fn parameters(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

/// A learning rule given by its loss. Automatic differentiation computes the update.
///
/// A rule that also prepares stimuli or keeps running averages implements [`PlasticityRule`] and calls
/// [`autodiff::update`].
pub trait LossRule: Send {
    /// The loss of one step.
    ///
    /// # Errors
    /// If the rule cannot work on such representations.
    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Scalar>;

    /// The rule's own parameters, learning and fixed, always in the same order.
    fn parameters(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

impl<R: LossRule> PlasticityRule for R {
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let taped = Taped::new(signals, LossRule::parameters(self))?;
        let loss = LossRule::loss(self, &taped, draws)?;
        taped.update(&loss, LossRule::parameters(self))
    }

    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        LossRule::loss(self, signals, draws).map(Some)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        LossRule::parameters(self)
    }
}

/// The keys of a rule in a config; [`RuleSpec::build`] builds the rule for a module.
#[typetag::serde(tag = "type")]
pub trait RuleSpec: Send + Sync + std::fmt::Debug {
    /// Builds the rule for a module, with new weights.
    ///
    /// # Errors
    /// If a value is out of range or the rule cannot work on such representations.
    fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>>;

    /// What the rule needs from its network.
    fn demands(&self) -> Demands {
        Demands::default()
    }

    /// The least number of values that a step needs in addition to representations, for a target of this shape: the
    /// scores of pairs. The memory check uses it before anything is built.
    fn compared(&self, _target: RepresentationShape) -> u64 {
        0
    }
}
