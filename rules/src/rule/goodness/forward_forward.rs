//! `forward_forward`: the Forward-Forward algorithm with labels written into the stimulus.

use super::contrast::{Goodness, doubled, side_by_side};
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// Positive stimuli carry their own label, negative ones a wrong label; each layer tells them apart by its goodness, the
/// mean of z². The label is written on a stimulus's first positions, one for each class, in all channels.
///
/// To hide a layer's goodness from the next, put a `normalise` layer at the beginning of every module but the first.
///
/// Read-outs see stimuli with a neutral label, `strength` / classes on the position of every class, as where Hinton reads
/// hidden activity out. They do not compare the goodness of a stimulus with each label in turn, his other way.
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
        strength = "1.0", "> 0", "the value on the position of the label in learning, 0 on those of the other classes; in read-out each has its share of it";
    ],
    example: "type = \"forward_forward\"",
    impl RuleSpec for ForwardForward {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            let Some(classes) = site.classes.filter(|&classes| classes >= 2) else {
                let message =
                    "`forward_forward` tells right labels from wrong ones, and this stimulus has no two classes";
                return Err(Error::config("type", message));
            };
            Ok(Box::new(Labelled { spec: self.clone(), classes }))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_pooling(Pooling::Keep).with_prepared(doubled).with_labels()
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

    /// Writes `value(stimulus, class)` on the position of every class.
    fn write(&self, shape: MapShape, values: &mut [f32], value: impl Fn(usize, usize) -> f32) {
        for (sample, stimulus) in values.chunks_exact_mut(shape.positions() * shape.channels).enumerate() {
            let positions = stimulus.chunks_exact_mut(shape.channels).take(self.classes);
            positions
                .enumerate()
                .for_each(|(class, position)| position.fill(value(sample % shape.batch, class)));
        }
    }

    /// The stimuli with a label written on each.
    fn written(&self, shape: MapShape, values: &[f32], labels: &[u32]) -> Vec<f32> {
        let mut values = values.to_vec();
        let label = |stimulus: usize, class| {
            if labels[stimulus] as usize == class { self.spec.strength } else { 0.0 }
        };
        self.write(shape, &mut values, label);
        values
    }

    /// Checks that every class has a position of its own.
    fn fits(&self, shape: MapShape) -> Result<()> {
        if !shape.is_empty() && shape.positions() >= self.classes {
            return Ok(());
        }
        let message = format!(
            "a map of {:?} has no room for {} classes on positions of their own",
            shape.extent, self.classes
        );
        Err(Error::shape("rule forward_forward", message))
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
        let fits = |labels: &&[u32]| {
            labels.len() == shape.batch && labels.iter().all(|&label| (label as usize) < classes)
        };
        let labels = labels.filter(fits).ok_or_else(|| {
            let message = format!("expected a label below {classes} for each of {} stimuli", shape.batch);
            Error::shape("rule forward_forward", message)
        })?;
        self.fits(shape)?;
        let wrong = draws.wrong_labels(labels, classes);
        let values = input.data().to_vec()?;
        let [right, wrong] = [labels, &wrong].map(|labels| self.written(shape, &values, labels));
        side_by_side(&input, &right, &wrong)
    }

    fn prepare_readout(&self, input: &FeatureMap) -> Result<Option<FeatureMap>> {
        self.fits(input.shape())?;
        let mut values = input.data().to_vec()?;
        self.write(input.shape(), &mut values, |_, _| self.spec.strength / self.classes as f32);
        let data = Buffer::from_vec(input.data().device(), values)?;
        FeatureMap::new(input.shape(), data).map(Some)
    }

    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        self.goodness().update("forward_forward", signals)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        self.goodness().loss("forward_forward", signals).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::draws;
    use plasticity_core::device::Device;

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

    #[test]
    fn read_outs_see_a_neutral_label() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), vec![0.5; shape.len()]).unwrap();
        let spec = ForwardForward { strength: 3.0, ..ForwardForward::default() };
        let rule = Labelled { spec, classes: 3 };
        let input = FeatureMap::new(shape, data).unwrap();
        let made = rule.prepare_readout(&input).unwrap().unwrap();
        assert_eq!(made.shape(), shape);
        let values = made.into_data().to_vec().unwrap();
        assert_eq!(values, [[1.0; 6].as_slice(), &[0.5; 2]].concat().repeat(2));
        assert!(Labelled { classes: 5, ..rule }.prepare_readout(&input).is_err());
    }
}
