//! `forward_forward`: the Forward-Forward algorithm with labels written into the stimulus.

use super::goodness::{Goodness, doubled, side_by_side};
use crate::positive;
use plasticity_core::autodiff::Taped;
use plasticity_core::device::TapedScalar;
use plasticity_core::draws::Draws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use rand::Rng;

/// Positive stimuli carry their own label, negative ones a wrong label; each layer tells them apart by its goodness, the
/// mean of z². The label is written on a stimulus's first positions, one for each class, in all channels.
///
/// To hide a layer's goodness from the next, put a `normalise` layer at the beginning of every module but the first.
///
/// Read-outs see stimuli as they are, without a label in their first positions: unlike all that the layers learned on.
/// They do not compare the goodness of a stimulus with each label in turn, which is how Hinton classifies.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardForward {
    /// θ: goodness above which a stimulus counts as positive.
    pub threshold: f32,
    /// The value that stands on the label's position; 0 stands on those of the other classes.
    pub strength: f32,
}

impl Default for ForwardForward {
    fn default() -> Self {
        Self { threshold: 2.0, strength: 1.0 }
    }
}

plugin! {
    Rule "forward_forward": "Forward-Forward: high goodness on stimuli with their own label, low with a wrong one",
    equation: "L = softplus(θ − g⁺) + softplus(g⁻ − θ), g = mean z²",
    citation: "Hinton 2022, arXiv 2212.13345",
    keys: [
        threshold = "2.0", "> 0", "θ: the goodness above which a stimulus counts as positive";
        strength = "1.0", "> 0", "the value on the position of the label in learning, 0 on those of the other classes; read-outs see stimuli without labels";
    ],
    example: "type = \"forward_forward\"",
    impl RuleSpec for ForwardForward {
        fn build(&self, context: &RuleContext, _random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            positive("rule.threshold", self.threshold)?;
            positive("rule.strength", self.strength)?;
            let Some(classes) = context.classes.filter(|&classes| classes >= 2) else {
                let message =
                    "`forward_forward` tells right labels from wrong ones, and this stimulus has no two classes";
                return Err(Error::config("rule.type", message));
            };
            Ok(Box::new(Labelled { spec: self.clone(), classes }))
        }

        fn pooling(&self, _module: usize) -> Pooling {
            Pooling::Keep
        }

        fn prepared(&self, input: MapShape) -> MapShape {
            doubled(input)
        }

        fn supervised(&self) -> bool {
            true
        }
    }
}

/// Forward-Forward in one module.
pub struct Labelled {
    spec: ForwardForward,
    classes: usize,
}

impl Labelled {
    fn goodness(&self) -> Goodness {
        Goodness { positive: self.spec.threshold, negative: self.spec.threshold }
    }

    /// The stimuli with a label written on each.
    fn written(&self, input: &FeatureMap, values: &[f32], labels: &[u32]) -> Vec<f32> {
        let shape = input.shape();
        let mut values = values.to_vec();
        for (sample, stimulus) in values.chunks_exact_mut(shape.positions() * shape.channels).enumerate() {
            let label = labels[sample % shape.batch] as usize;
            for (class, position) in stimulus.chunks_exact_mut(shape.channels).take(self.classes).enumerate()
            {
                position.fill(if class == label { self.spec.strength } else { 0.0 });
            }
        }
        values
    }
}

impl PlasticityRule for Labelled {
    fn prepare(
        &mut self,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        let shape = input.shape();
        let classes = self.classes;
        let fail = |message: String| Error::shape("rule forward_forward", message);
        let fits = |labels: &&[u32]| {
            labels.len() == shape.batch && labels.iter().all(|&label| (label as usize) < classes)
        };
        let labels = labels.filter(fits).ok_or_else(|| {
            fail(format!("expected a label below {classes} for each of {} stimuli", shape.batch))
        })?;
        if shape.is_empty() || shape.positions() < classes {
            let message = format!(
                "a map of {:?} has no room for {classes} classes on positions of their own",
                shape.extent
            );
            return Err(fail(message));
        }
        let mut random = draws.random(2);
        let wrong: Vec<u32> = labels
            .iter()
            .map(|&label| ((label as usize + random.random_range(1..classes)) % classes) as u32)
            .collect();
        let values = input.data().to_vec()?;
        side_by_side(&input, &self.written(&input, &values, labels), &self.written(&input, &values, &wrong))
    }

    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
        self.goodness().update("forward_forward", signals)
    }

    fn loss(&self, signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        self.goodness().loss("forward_forward", signals).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::draws;
    use plasticity_core::device::{Buffer, Device};

    #[test]
    fn positives_carry_their_label_and_negatives_another() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), vec![0.5; shape.len()]).unwrap();
        let mut rule = Labelled { spec: ForwardForward::default(), classes: 3 };
        let input = FeatureMap::new(shape, data).unwrap();
        let made = rule.prepare(input, Some(&[2, 0]), &mut draws()).unwrap();
        assert_eq!(made.shape(), doubled(shape));
        let values = made.into_data().to_vec().unwrap();
        let label = |stimulus: usize| {
            let labels: Vec<f32> = (0..3).map(|class| values[stimulus * 8 + class * 2]).collect();
            assert_eq!(labels.iter().sum::<f32>(), 1.0);
            assert_eq!(values[stimulus * 8 + 6..stimulus * 8 + 8], [0.5, 0.5]);
            labels.iter().position(|&value| value == 1.0).unwrap()
        };
        assert_eq!((label(0), label(1)), (2, 0));
        assert!(label(2) != 2 && label(3) != 0);
    }
}
