//! `infonce`: two views of an image against all others by a softmax (SimCLR), end to end.

use super::pairing::Pairing;
use super::pool::Pool;
use crate::rule::output::{self, output};
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::taped::Scalar;

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
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            self.pool.check(site.modules)?;
            Ok(Box::new(self.clone()))
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_pooling_of_each(self.pool.poolings());
            demands.with_views(2).with_modules("end_to_end")
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
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
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

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let pairing = Pairing::of("infonce", signals.context_shape())?;
        let rows = 2 * pairing.images;
        let share = -1.0 / pairing.rows() as f32;
        let mut total: Option<Scalar> = None;
        for place in 0..pairing.places {
            let z = signals.context().rows(place * rows..(place + 1) * rows);
            let unit = &z / (z.square().row_sums() + EPSILON).sqrt();
            let away = z.constant(rows, rows, |row, other| if row == other { -1e9 } else { 0.0 });
            let scores = unit.matmul(&unit.transpose()) * (1.0 / self.temperature) + away;
            let hits =
                z.constant(rows, rows, |row, other| if other == pairing.other(row) { share } else { 0.0 });
            let loss = (scores.log_softmax() * hits).sum();
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_follows_loss, context, representation};
    use plasticity_core::plasticity::Signals;
    use plasticity_core::random::stream;
    use plasticity_core::representation::RepresentationShape;

    fn shape(channel: usize) -> RepresentationShape {
        RepresentationShape { time: 1, location: 2, batch: 8, channel }
    }

    #[test]
    fn infonce_follows_its_loss() {
        let mut rule = InfoNce { temperature: 0.3, ..InfoNce::default() }
            .build(&context(shape(5), shape(5)), &mut stream(1, &[]))
            .unwrap();
        let target = representation(shape(5), 1);
        let signals = Signals::new(&target);
        assert_follows_loss(rule.as_mut(), &signals);
    }
}
