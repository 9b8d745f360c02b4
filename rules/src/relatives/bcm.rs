//! `bcm`: Hebbian learning whose sign turns at a threshold that slides with past activity.

use crate::output::{self, output};
use crate::{Tape, refused, tensors};
use dfdx::tensor::{TensorFromVec, WithEmptyTape};
use dfdx::tensor_ops::{SumTo, TryAdd, TryMatMul, TryMul};
use plasticity_core::autodiff::Taped;
use plasticity_core::device::{Buffer, TapedMatrix, TapedScalar};
use plasticity_core::draws::Draws;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// ΔW_ji = mean of y_j (y_j − θ_j) ρ'(a_j) x_i, where θ_j is the running mean of y_j².
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bcm {
    /// Steps over which the threshold follows: θ ← θ + (mean y² − θ) / window.
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
    equation: "ΔW_ji = y_j (y_j − θ_j) ρ'(a_j) x_i, θ_j = running mean of y_j²",
    citation: "Bienenstock, Cooper & Munro 1982, J. Neurosci. 2, 32-48; θ = E[y²]: Intrator & Cooper 1992",
    keys: [
        window = "100.0", "≥ 1 steps", "over how many steps the threshold follows activity";
        threshold = "1.0", "≥ 0", "the threshold at the start";
    ],
    example: "type = \"bcm\"\nwindow = 10.0",
    impl RuleSpec for Bcm {
        fn build(&self, context: &RuleContext, _random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(SlidingThreshold::new(self, context)?))
        }

        fn pooling(&self, _module: usize) -> Pooling {
            Pooling::Keep
        }
    }
}

/// BCM in one module.
///
/// # Shapes
/// `threshold` `[C]`, kept and saved but moved by no optimiser.
pub struct SlidingThreshold {
    window: f32,
    threshold: Parameter,
    /// The mean of y² in the step that was last measured.
    seen: Option<Vec<f32>>,
}

impl SlidingThreshold {
    /// The rule for a module.
    ///
    /// # Errors
    /// Where a value is out of range.
    pub fn new(spec: &Bcm, to: &RuleContext) -> Result<Self> {
        let channel = to.context.channel;
        let start = vec![spec.threshold; channel];
        let threshold = Parameter::plain(to.device, "threshold", &[channel], &start)?.fixed();
        Ok(Self { window: spec.window, threshold, seen: None })
    }
}

impl PlasticityRule for SlidingThreshold {
    /// The loss that is shown is Intrator & Cooper's: −mean of (y³/3 − θ y²/2).
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
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

    fn loss(&self, signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        let shape = signals.context_shape();
        let y = signals.context();
        let device = tensors(&y);
        let ones = device.try_tensor_from_vec(vec![1.0; shape.rows()], (shape.rows(), 1)).map_err(refused)?;
        let theta: TapedMatrix = ones.retaped::<Tape>().try_matmul(signals.own(0)).map_err(refused)?;
        let square = y.with_empty_tape().try_square().map_err(refused)?;
        let slope = y.try_mul(-1.0 / 3.0).map_err(refused)?;
        let slope = slope.try_add(theta.try_mul(0.5).map_err(refused)?).map_err(refused)?;
        let sum: TapedScalar = square.try_mul(slope).map_err(refused)?.try_sum().map_err(refused)?;
        sum.try_mul(1.0 / shape.rows() as f32).map(Some).map_err(refused)
    }

    fn applied(&mut self) -> Result<()> {
        let Some(seen) = self.seen.take() else { return Ok(()) };
        let mut threshold = self.threshold.get()?;
        threshold.iter_mut().zip(seen).for_each(|(theta, seen)| *theta += (seen - *theta) / self.window);
        self.threshold.set(&threshold)
    }

    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.threshold]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.threshold]
    }
}
