//! `bcm`: Hebbian learning whose sign turns at a threshold that slides with past activity.

use crate::rule::output::{self, output};
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// ΔW_ji = mean of y_j (y_j − θ_j) ρ'(a_j) x_i, where θ_j is the running mean of y_j².
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bcm {
    /// Number of steps over which the threshold averages: θ ← θ + (mean y² − θ) / window.
    pub window: f32,
    /// θ at the start.
    pub threshold: f32,
}

impl Default for Bcm {
    fn default() -> Self {
        Self { window: 100.0, threshold: 1.0 }
    }
}

plugin! {
    Rule "bcm": "BCM: potentiation above, depression below a threshold that slides with past activity",
    equation: "ΔW_ji = y_j (y_j − θ_j) ρ'(a_j) x_i, θ_j = running average of y_j²",
    citation: "Bienenstock, Cooper & Munro 1982, J. Neurosci. 2, 32-48; θ = E[y²]: Intrator & Cooper 1992",
    keys: [
        window = "100.0", "≥ 1 steps", "number of steps over which the threshold averages y²";
        threshold = "1.0", "≥ 0", "initial threshold";
    ],
    example: "type = \"bcm\"\nwindow = 10.0",
    impl RuleSpec for Bcm {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(SlidingThreshold::new(self, site)?))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_pooling(Pooling::Keep)
        }
    }
}

/// BCM in one module.
///
/// # Shapes
/// `threshold` `[C]`, a fixed parameter: saved, but not moved by an optimiser.
pub struct SlidingThreshold {
    window: f32,
    threshold: Parameter,
    /// The mean of y² in the last step.
    seen: Option<Vec<f32>>,
}

impl SlidingThreshold {
    /// The rule for a module.
    ///
    /// # Errors
    /// If a value is out of range.
    pub fn new(spec: &Bcm, to: &Site) -> Result<Self> {
        let channel = to.context.channel;
        let start = vec![spec.threshold; channel];
        let threshold = Parameter::plain(to.device, "threshold", &[channel], &start)?.fixed();
        Ok(Self { window: spec.window, threshold, seen: None })
    }
}

impl PlasticityRule for SlidingThreshold {
    /// The shown loss is the one of Intrator & Cooper: −mean of (y³/3 − θ y²/2).
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        let threshold = self.threshold.get()?;
        if shape.is_empty() || shape.channel != threshold.len() {
            let message = format!("expected rows of {} neurons, got {shape:?}", threshold.len());
            return Err(Error::shape("rule bcm", message));
        }
        let device = data.device();
        let share = 1.0 / shape.rows() as f32;
        let mut values = data.to_vec()?;
        let mut squares = vec![0.0; shape.channel];
        let mut loss = 0.0;
        for row in values.chunks_exact_mut(shape.channel) {
            for ((y, theta), square) in row.iter_mut().zip(&threshold).zip(&mut squares) {
                *square += share * *y * *y;
                loss -= f64::from(share * (*y * *y * *y / 3.0 - theta * *y * *y / 2.0));
                *y *= share * (*y - theta);
            }
        }
        self.seen = Some(squares);
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, Buffer::from_vec(device, values)?, Vec::new())
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let shape = signals.context_shape();
        let y = signals.context();
        let slope = y * (-1.0 / 3.0) + signals.own(0)? * 0.5;
        Ok(Some((y.square() * slope).sum() * (1.0 / shape.rows() as f32)))
    }

    fn applied(&mut self) -> Result<()> {
        let Some(seen) = self.seen.take() else { return Ok(()) };
        let mut threshold = self.threshold.get()?;
        threshold.iter_mut().zip(seen).for_each(|(theta, seen)| *theta += (seen - *theta) / self.window);
        self.threshold.set(&threshold)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.threshold]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, draws, representation};
    use approx::assert_abs_diff_eq;

    #[test]
    fn bcm_follows_its_loss_and_its_threshold_slides_once_a_step_is_applied() {
        let target = representation(SHAPE, 1);
        let mut rule = build(&Bcm { window: 4.0, threshold: 0.5 }, SHAPE);
        let before = rule.parameters()[0].get().unwrap();
        assert_eq!(before, [0.5; 5]);
        rule.update(&alone(&target), &mut draws()).unwrap();
        assert_eq!(rule.parameters()[0].get().unwrap(), before);
        rule.applied().unwrap();
        let z = target.data().to_vec().unwrap();
        for (neuron, after) in rule.parameters()[0].get().unwrap().into_iter().enumerate() {
            let mean = z.iter().skip(neuron).step_by(5).map(|y| y * y).sum::<f32>() / 24.0;
            assert_abs_diff_eq!(after, 0.5 + (mean - 0.5) / 4.0, epsilon = 1e-5);
        }
        assert_follows_loss(rule.as_mut(), &alone(&target));
    }
}
