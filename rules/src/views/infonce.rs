//! `infonce`: two views of an image against all others by a softmax (SimCLR), end to end.

use super::pairing::Pairing;
use super::pool::Pool;
use crate::output::{self, output};
use crate::{Tape, refused, tensors};
use dfdx::shapes::Axis;
use dfdx::tensor::{Tensor, TensorFromVec, WithEmptyTape};
use dfdx::tensor_ops::{GatherTo, PermuteTo, SumTo, TryAdd, TryMatMul, TryMul};
use plasticity_core::Result;
use plasticity_core::autodiff::Taped;
use plasticity_core::device::{Buffer, TapedMatrix, TapedScalar};
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::plasticity::{Modules, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;

/// InfoNCE on two views, as a config sees it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNce {
    /// τ: divides cosine similarities.
    pub temperature: f32,
    /// Blocks into which each module's map is pooled.
    pub pool: Pool,
}

impl Default for InfoNce {
    fn default() -> Self {
        Self { temperature: 0.5, pool: Pool::default() }
    }
}

plugin! {
    Rule "infonce": "InfoNCE on two views: an image's other view against all other rows, end to end",
    equation: "L = −mean log(exp(cos(z, z⁺)/τ) / Σ exp(cos(z, z')/τ)), the sum over all other rows z'",
    citation: "van den Oord et al. 2018; Chen et al. 2020 (NT-Xent)",
    keys: [
        temperature = "0.5", "> 0", "τ: divides cosine similarities";
        pool = "0", "0.. | list of 0..",
            "block size of the average pooling, one for all modules or one a module; blocks stand side by side; 0: the whole map is one block";
    ],
    example: "type = \"infonce\"\ntemperature = 0.5",
    impl RuleSpec for InfoNce {
        fn build(&self, context: &RuleContext, _random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            self.pool.check(context.modules)?;
            Ok(Box::new(self.clone()))
        }

        fn pooling(&self, module: usize) -> Pooling {
            self.pool.of(module)
        }

        fn views(&self, _steps: usize) -> Option<usize> {
            Some(2)
        }

        fn modules(&self) -> Modules {
            Modules::Named("end_to_end".to_owned())
        }
    }
}

/// Added to squared norms, so that a silent row has no direction instead of none that is a number.
const EPSILON: f32 = 1e-12;

impl InfoNce {
    /// Loss (a share `share` of each row's) and what each row's −∂L/∂z takes of every row, `[rows, rows]`, from the
    /// products of all rows `gram` `[rows, rows]`; `other(row)` is the row's positive.
    ///
    /// With n = |z|, s_ij = cos_ij / τ and H = π + πᵀ − 1\[positive\] − 1\[positive\]ᵀ,
    /// ∂L/∂z_i = 1/(τ n_i) · Σ_j H_ij (z_j / n_j − cos_ij z_i / n_i).
    fn mixing(
        &self,
        gram: &[f32],
        rows: usize,
        share: f32,
        other: &dyn Fn(usize) -> usize,
    ) -> (f64, Vec<f32>) {
        let norms: Vec<f32> = (0..rows).map(|row| (gram[row * rows + row] + EPSILON).sqrt()).collect();
        let cosine = |i: usize, j: usize| gram[i * rows + j] / (norms[i] * norms[j]);
        let mut slopes = vec![0.0; rows * rows];
        let mut loss = 0.0;
        for i in 0..rows {
            let score = |j: usize| cosine(i, j) / self.temperature;
            let rest = || (0..rows).filter(|&j| j != i);
            let most = rest().map(score).fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = rest().map(|j| (score(j) - most).exp()).sum();
            loss += f64::from(share) * f64::from(most + sum.ln() - score(other(i)));
            for j in rest() {
                slopes[i * rows + j] = share * (score(j) - most).exp() / sum;
            }
            slopes[i * rows + other(i)] -= share;
        }
        let mut mixing = vec![0.0; rows * rows];
        for i in 0..rows {
            let mut along = 0.0;
            for j in (0..rows).filter(|&j| j != i) {
                let slope = slopes[i * rows + j] + slopes[j * rows + i];
                along += slope * cosine(i, j);
                mixing[i * rows + j] = -slope / (self.temperature * norms[i] * norms[j]);
            }
            mixing[i * rows + i] = along / (self.temperature * norms[i] * norms[i]);
        }
        (loss, mixing)
    }
}

impl PlasticityRule for InfoNce {
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        let pairing = Pairing::of("infonce", shape)?;
        let device = data.device();
        let (rows, width) = (2 * pairing.images, shape.channel);
        let share = 1.0 / pairing.rows() as f32;
        let mut target = Buffer::zeros(device, shape.len())?;
        let mut loss = 0.0;
        for place in 0..pairing.places {
            let first = place * rows * width;
            let mut gram = Buffer::zeros(device, rows * rows)?;
            let product = Product::new(rows, rows, width).transpose_b().at(first, first, 0);
            ops::product(product, data, data, &mut gram)?;
            let (part, mixing) = self.mixing(&gram.to_vec()?, rows, share, &|row| pairing.other(row));
            loss += part;
            let mixing = Buffer::from_vec(device, mixing)?;
            ops::product(Product::new(rows, width, rows).at(0, first, first), &mixing, data, &mut target)?;
        }
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, target, Vec::new())
    }

    fn loss(&self, signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        let shape = signals.context_shape();
        let pairing = Pairing::of("infonce", shape)?;
        let rows = 2 * pairing.images;
        let mut total: Option<TapedScalar> = None;
        for place in 0..pairing.places {
            let z = signals.context();
            let device = tensors(&z);
            let here: Vec<usize> = (place * rows..(place + 1) * rows).collect();
            let here: Tensor<(usize,), usize, _> =
                device.try_tensor_from_vec(here, (rows,)).map_err(refused)?;
            let z: TapedMatrix = z.try_gather(here).map_err(refused)?;
            let column = |values: Vec<f32>| {
                let len = values.len();
                device.try_tensor_from_vec(values, (len, 1)).map_err(refused)
            };
            // 1/|z| of each row, as a product of the squares with ones: [rows, 1].
            let squares = z.with_empty_tape().try_square().map_err(refused)?;
            let ones = column(vec![1.0; shape.channel])?.retaped::<Tape>();
            let norms: TapedMatrix = squares.try_matmul(ones).map_err(refused)?;
            let norms = norms.try_add(EPSILON).and_then(|n| n.try_sqrt()).map_err(refused)?;
            let inverse = norms.try_recip().map_err(refused)?;
            let wide = device.try_tensor_from_vec(vec![1.0; shape.channel], (1, shape.channel));
            let inverse: TapedMatrix =
                inverse.try_matmul(wide.map_err(refused)?.retaped::<Tape>()).map_err(refused)?;
            let unit = z.try_mul(inverse).map_err(refused)?;
            // A transpose is the same tensor to dfdx, which refuses to multiply one by itself: hence the factor.
            let copy = unit.with_empty_tape().try_mul(1.0).map_err(refused)?;
            let across: TapedMatrix = copy.try_permute().map_err(refused)?;
            let cosines: TapedMatrix = unit.try_matmul(across).map_err(refused)?;
            let (mut away, mut hits) = (vec![0.0; rows * rows], vec![0.0; rows * rows]);
            for row in 0..rows {
                away[row * rows + row] = -1e9;
                hits[row * rows + pairing.other(row)] = -1.0 / pairing.rows() as f32;
            }
            let away = device.try_tensor_from_vec(away, (rows, rows)).map_err(refused)?;
            let hits = device.try_tensor_from_vec(hits, (rows, rows)).map_err(refused)?;
            let log = cosines
                .try_mul(1.0 / self.temperature)
                .and_then(|scores| scores.try_add(away))
                .and_then(|scores| scores.try_log_softmax::<Axis<1>>())
                .map_err(refused)?;
            let loss: TapedScalar = log.try_mul(hits).map_err(refused)?.try_sum().map_err(refused)?;
            total = Some(match total {
                Some(total) => total.try_add(loss).map_err(refused)?,
                None => loss,
            });
        }
        Ok(total)
    }
}
