//! `scff`: Self-Contrastive Forward-Forward.

use super::contrast::{Goodness, doubled, side_by_side};
use plasticity_core::draws::{Draws, Side};
use plasticity_core::map::FeatureMap;
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// Positive stimuli are x_k, negative ones (x_k + x_n) / 2 with another stimulus n of the batch.
///
/// The authors take sums, x_k + x_k and x_k + x_n: what two copies of the first layer's weights, one on each of a pair,
/// would sum to. Means are half of that, so that read-outs see stimuli of the size that layers learned on. A layer of
/// ReLU without bias is half as active on them and has a quarter of the goodness, which the default thresholds, a
/// quarter of 2, are for; behind a `normalise` layer nothing changes.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scff {
    /// θ⁺: goodness that positive stimuli should exceed.
    pub positive_threshold: f32,
    /// θ⁻: goodness that negative stimuli should stay below.
    pub negative_threshold: f32,
}

impl Default for Scff {
    fn default() -> Self {
        Self { positive_threshold: 0.5, negative_threshold: 0.5 }
    }
}

plugin! {
    Rule "scff": "Self-Contrastive Forward-Forward: high goodness on a stimulus, low on the mean of two different ones",
    equation: "L = softplus(θ⁺ − g(x_k)) + softplus(g((x_k + x_n) / 2) − θ⁻), g = mean z²",
    citation: "Chen, Liu, Laydevant & Grollier 2025, Nat. Commun. 16, 5978 (with sums, which are twice these means)",
    keys: [
        positive_threshold = "0.5", "> 0", "θ⁺: the goodness that a stimulus should exceed";
        negative_threshold = "0.5", "> 0", "θ⁻: the goodness that the mean of two stimuli should stay below";
    ],
    example: "type = \"scff\"",
    impl RuleSpec for Scff {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_pooling(Pooling::Keep).with_prepared(doubled)
        }
    }
}

impl Scff {
    fn goodness(&self) -> Goodness {
        Goodness { positive: self.positive_threshold, negative: self.negative_threshold }
    }
}

impl PlasticityRule for Scff {
    fn prepare(
        &mut self,
        input: FeatureMap,
        _labels: Option<&[u32]>,
        draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        let shape = input.shape();
        let stimulus = shape.positions() * shape.channels;
        if shape.batch < 2 || shape.is_empty() {
            let message = format!("needs at least two stimuli in a batch, got {}", shape.batch);
            return Err(Error::shape("rule scff", message));
        }
        let others = draws.others(Side::Predict, 1, shape.batch);
        if others.len() != shape.batch || others.iter().any(|&other| other as usize >= shape.batch) {
            let message = format!("expected {} others of the batch, got {others:?}", shape.batch);
            return Err(Error::shape("rule scff", message));
        }
        let values = input.data().to_vec()?;
        let mut mixed = values.clone();
        for (sample, mixed) in mixed.chunks_exact_mut(stimulus).enumerate() {
            let own = sample % shape.batch;
            let other = sample - own + others[own] as usize;
            let other = &values[other * stimulus..(other + 1) * stimulus];
            mixed.iter_mut().zip(other).for_each(|(mixed, other)| *mixed = 0.5 * (*mixed + other));
        }
        side_by_side(&input, &values, &mixed)
    }

    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        self.goodness().update("scff", signals)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        self.goodness().loss("scff", signals).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::draws;
    use plasticity_core::device::{Buffer, Device};
    use plasticity_core::map::MapShape;

    #[test]
    fn positives_are_stimuli_and_negatives_means_of_two() {
        let shape = MapShape { time: 2, location: 1, batch: 3, extent: [1, 1, 2], channels: 1 };
        // Stimulus b at time t has the value 10ᵇ · (t + 1) everywhere.
        let values = [1.0, 1.0, 10.0, 10.0, 100.0, 100.0, 2.0, 2.0, 20.0, 20.0, 200.0, 200.0];
        let data = Buffer::from_vec(&Device::open().unwrap(), values.to_vec()).unwrap();
        let made =
            Scff::default().prepare(FeatureMap::new(shape, data).unwrap(), None, &mut draws()).unwrap();
        let made = made.into_data().to_vec().unwrap();
        for time in 0..2 {
            let step = &made[time * 12..(time + 1) * 12];
            let scale = (time + 1) as f32;
            assert_eq!(step[..6], [1.0, 1.0, 10.0, 10.0, 100.0, 100.0].map(|value| value * scale));
            for (b, own) in [1.0, 10.0, 100.0].into_iter().enumerate() {
                let other = 2.0 * step[6 + 2 * b] / scale - own;
                assert!([1.0, 10.0, 100.0].contains(&other) && other != own, "{other}");
            }
        }
    }
}
