//! Plasticity rules: from representations to post factors and the update of the rule's own weights.
//!
//! A rule that follows a loss implements [`LossRule`] and is done. One with an update in closed form, or with none to
//! follow, implements [`PlasticityRule`].

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
use crate::representation::RepresentationShape;
use crate::taped::Scalar;

/// A learning rule of one module.
pub trait PlasticityRule: Send {
    /// The update of one step.
    ///
    /// # Errors
    /// Where the rule cannot work on such representations.
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate>;

    /// The loss that the update follows, or `None` if it follows none: the plugin suite checks one against the other.
    ///
    /// # Errors
    /// Where the rule cannot work on such representations.
    fn loss(&self, _signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        Ok(None)
    }

    /// Turns the batch into what the network sees while it learns (called on the first module's rule): contrasts that
    /// are made of whole stimuli, such as positive and negative ones side by side. See [`Demands::with_prepared`].
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

    /// Turns stimuli into what the network sees where it is probed (called on the first module's rule), of the same shape;
    /// `None`: the stimuli as they are. For rules whose [`prepare`](Self::prepare) writes on stimuli what a probe may not
    /// know, such as labels.
    ///
    /// # Errors
    /// Where the rule cannot work on such stimuli.
    fn prepare_readout(&self, _input: &FeatureMap) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// Turns what the module below made of a prepared batch into what this module sees while it learns, of the same shape;
    /// `None`: as it is. For rules that make their contrasts anew in every module. A pass ahead for contexts from the top
    /// does without.
    ///
    /// # Errors
    /// Where the rule cannot work on such maps.
    fn prepare_from_below(
        &mut self,
        _below: &FeatureMap,
        _draws: &mut dyn Draws,
    ) -> Result<Option<FeatureMap>> {
        Ok(None)
    }

    /// [`prepare_readout`](Self::prepare_readout) for every module but the first, on the map of the module below.
    ///
    /// # Errors
    /// Where the rule cannot work on such maps.
    fn prepare_readout_from_below(&self, _below: &FeatureMap) -> Result<Option<FeatureMap>> {
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

    /// Whether the rule changes anything (an untrained baseline does not).
    fn learns(&self) -> bool {
        true
    }

    /// The rule's own parameters, those that learn and those that are only kept, always in the same order.
    fn parameters(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

/// A learning rule that is its loss: the update follows by automatic differentiation.
///
/// One that also prepares stimuli or keeps averages implements [`PlasticityRule`], whose update it has from
/// [`autodiff::update`].
pub trait LossRule: Send {
    /// The loss of one step.
    ///
    /// # Errors
    /// Where the rule cannot work on such representations.
    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Scalar>;

    /// The rule's own parameters, those that learn and those that are only kept, always in the same order.
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

/// What a config says of a rule; [`RuleSpec::build`] makes it for a module.
#[typetag::serde(tag = "type")]
pub trait RuleSpec: Send + Sync + std::fmt::Debug {
    /// Makes the rule for a module, with fresh weights.
    ///
    /// # Errors
    /// Where a value is out of range or the rule cannot work on such representations.
    fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>>;

    /// What the rule asks of its network.
    fn demands(&self) -> Demands {
        Demands::default()
    }

    /// Values that a step holds at least, beside representations, to compare parts of a target of this shape: scores of
    /// pairs. They are summed before anything is made.
    fn compared(&self, _target: RepresentationShape) -> u64 {
        0
    }
}
