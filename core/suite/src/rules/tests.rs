//! A rule without a fault passes, and planted faults are found.

use super::*;
use plasticity_core::draws::Draws;
use plasticity_core::ops;
use plasticity_core::plasticity::{Demands, Taped};
use plasticity_core::random::Random;
use plasticity_core::taped::Scalar;

#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Fault {
    None,
    LateralOfAnotherSize,
    LateralNotFinite,
    LateralBesideALoss,
    LateralThatChanges,
    ContextOfAnotherSize,
    ContextTheOtherWay,
    ContextOfNone,
    PreparesWithoutAWord,
    GoodnessOfTheBatch,
    /// No fault: it needs 6 stimuli.
    NeedsMore,
}

/// Follows ½ Σ z² + ½ Σ c², except for a planted fault.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Planted {
    fault: Fault,
    #[serde(skip)]
    steps: usize,
}

#[typetag::serde(name = "planted_for_the_suite")]
impl RuleSpec for Planted {
    fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
        Ok(Box::new(self.clone()))
    }

    fn demands(&self) -> Demands {
        Demands::default().with_least_batch(if self.fault == Fault::NeedsMore { 6 } else { 1 })
    }
}

impl Planted {
    fn taped(signals: &Taped) -> Scalar {
        let half = signals.target().square().sum() * 0.5;
        let apart = signals.context_shape() != signals.shape();
        if apart { half + signals.context().square().sum() * 0.5 } else { half }
    }
}

impl PlasticityRule for Planted {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        self.steps += 1;
        if self.fault == Fault::NeedsMore && signals.target.shape().batch < 6 {
            return Err(Error::shape("rule", "needs 6 stimuli"));
        }
        let device = signals.target.data().device();
        let negative = |seen: &Representation| -> Result<Buffer> {
            let mut values = seen.data().clone();
            ops::scale(&mut values, -1.0)?;
            Ok(values)
        };
        let ones = |len: usize, value: f32| Buffer::from_vec(device, vec![value; len]);
        let squares = |seen: &Representation| -> Result<f32> {
            Ok(0.5 * seen.data().to_vec()?.iter().map(|z| z * z).sum::<f32>())
        };
        let context = signals.context.map(squares).transpose()?.unwrap_or(0.0);
        let loss = ones(1, squares(signals.target)? + context)?;
        let made = RuleUpdate::new(loss, negative(signals.target)?)
            .with_context(signals.context.map(negative).transpose()?);
        let neurons = signals.context.unwrap_or(signals.target).shape().channel;
        Ok(match (self.fault, signals.context) {
            (Fault::LateralOfAnotherSize, _) => made.with_lateral(Lateral::Full(ones(neurons, 1.0)?)),
            (Fault::LateralNotFinite, _) => made.with_lateral(Lateral::Diagonal(ones(neurons, f32::NAN)?)),
            (Fault::LateralBesideALoss, _) => made.with_lateral(Lateral::Diagonal(ones(neurons, 1.0)?)),
            (Fault::LateralThatChanges, _) => {
                made.with_lateral(Lateral::Diagonal(ones(neurons, self.steps as f32)?))
            }
            (Fault::ContextOfAnotherSize, Some(_)) => made.with_context(ones(1, 1.0)?),
            (Fault::ContextTheOtherWay, Some(seen)) => made.with_context(seen.data().clone()),
            (Fault::ContextOfNone, None) => made.with_context(ones(1, 1.0)?),
            _ => made,
        })
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let without = matches!(self.fault, Fault::LateralThatChanges);
        Ok((!without).then(|| Self::taped(signals)))
    }

    fn prepare_from_below(&mut self, below: &FeatureMap, _: &mut dyn Draws) -> Result<Option<FeatureMap>> {
        Ok((self.fault == Fault::PreparesWithoutAWord).then(|| below.clone()))
    }

    fn with_class(&self, input: &FeatureMap, _: u32) -> Result<Option<FeatureMap>> {
        Ok(Some(input.clone()))
    }

    fn goodness(&self, target: &Representation) -> Result<Option<Vec<f32>>> {
        let alone = self.fault == Fault::GoodnessOfTheBatch;
        Ok(Some(vec![0.0; if alone { 1 } else { target.shape().batch }]))
    }
}

fn faults(fault: Fault) -> String {
    let spec: Box<dyn RuleSpec> = Box::new(Planted { fault, steps: 0 });
    let mut found = Found::default();
    check(&spec, &mut found);
    found.0.join("\n")
}

#[test]
fn planted_faults_are_found() {
    for right in [Fault::None, Fault::NeedsMore] {
        assert_eq!(faults(right), "", "{right:?}");
    }
    for (fault, expected) in [
        (Fault::LateralOfAnotherSize, "its lateral update is neither [neurons, neurons]"),
        (Fault::LateralNotFinite, "returns values that are not finite"),
        (Fault::LateralBesideALoss, "has a loss and also a lateral update M · W"),
        (Fault::LateralThatChanges, "two steps with the same draws differ"),
        (
            Fault::ContextOfAnotherSize,
            "its post factor for the context does not have the shape of the context",
        ),
        (Fault::ContextTheOtherWay, "post factor of the context: differs from automatic differentiation"),
        (Fault::ContextOfNone, "returns a post factor for a context, but the target is its own context"),
        (Fault::PreparesWithoutAWord, "prepares the map from below, and `prepares` says that it does not"),
        (Fault::GoodnessOfTheBatch, "its goodness is not one value for each stimulus"),
    ] {
        let found = faults(fault);
        assert!(found.contains(expected), "{fault:?}: {found}");
    }
}
