//! `infonce` and `nt_xent`: a softmax compares two views of an image with views of other images, end to end.

use super::pairing::Pairing;
use super::pool::Pool;
use crate::rule::output::{self, output};
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::{Random, uniform};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::taped::{Matrix, Scalar};

/// InfoNCE on two views, the backpropagation baseline of CLAPP++. For view 1 of an image, a softmax selects its view
/// 2 among the views 2 of all images of the batch, by the cosine of linear projections. Both views use the same
/// projection.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNce {
    /// τ: divides cosine similarities.
    pub temperature: f32,
    /// Rows of the projection.
    pub projection: usize,
    /// Blocks into which each module's map is pooled.
    pub pool: Pool,
}

/// NT-Xent (SimCLR's loss) without a projection. For each view, a softmax selects the other view among all other
/// views of the batch.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtXent {
    /// τ: divides cosine similarities.
    pub temperature: f32,
    /// Blocks into which each module's map is pooled.
    pub pool: Pool,
}

impl Default for InfoNce {
    fn default() -> Self {
        Self { temperature: 0.1, projection: 1024, pool: Pool::default() }
    }
}

impl Default for NtXent {
    fn default() -> Self {
        Self { temperature: 0.5, pool: Pool::default() }
    }
}

plugin! {
    Rule "infonce": "InfoNCE on two projected views, end to end: the second view of an image against those of all images",
    equation: "L = −mean log(exp(cos(P z₁, P z₂)/τ) / Σ exp(cos(P z₁, P z₂')/τ)), the sum over views 2 of all images",
    citation: "van den Oord et al. 2018; as the baseline of CLAPP++: Zihan, Delrocq, Gerstner & Bellec 2026",
    keys: [
        temperature = "0.1", "> 0", "τ: divides cosine similarities";
        projection = "1024", "1..=65536", "rows of the shared linear projection P";
        pool = "0", "0.. | list of 0..",
            "side of the blocks that are averaged, one for all modules or one for each module; rows and columns \
             past the last whole block are left out; 0: the whole map is one block";
    ],
    example: "type = \"infonce\"\nprojection = 6",
    impl RuleSpec for InfoNce {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            self.pool.check(site.modules)?;
            let (rows, width) = (self.projection, site.context.channel);
            let draw = |count| Ok(uniform(random, count, width));
            let projection = Parameter::drawn(site.device, "projection.weight", &[rows, width], &[0, 1], draw)?;
            let scores = Scores { temperature: self.temperature, candidates: Candidates::OtherViews };
            Ok(Box::new(Contrast { rule: "infonce", scores, projection: Some(projection) }))
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_pooling_of_each(self.pool.poolings());
            demands.with_views(2).with_least_batch(2).with_presentations(1).with_modules("end_to_end")
        }

        fn compared(&self, target: RepresentationShape) -> u64 {
            compared(target, self.projection)
        }
    }
}

plugin! {
    Rule "nt_xent": "NT-Xent on two views, end to end: the other view of an image against all other views of the batch",
    equation: "L = −mean log(exp(cos(z, z⁺)/τ) / Σ exp(cos(z, z')/τ)), the sum over all other views z'",
    citation: "Chen et al. 2020 (NT-Xent of SimCLR)",
    keys: [
        temperature = "0.5", "> 0", "τ: divides cosine similarities";
        pool = "0", "0.. | list of 0..",
            "side of the blocks that are averaged, one for all modules or one for each module; rows and columns \
             past the last whole block are left out; 0: the whole map is one block";
    ],
    example: "type = \"nt_xent\"\ntemperature = 0.5",
    impl RuleSpec for NtXent {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            self.pool.check(site.modules)?;
            let scores = Scores { temperature: self.temperature, candidates: Candidates::All };
            Ok(Box::new(Contrast { rule: "nt_xent", scores, projection: None }))
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_pooling_of_each(self.pool.poolings());
            demands.with_views(2).with_least_batch(2).with_presentations(1).with_modules("end_to_end")
        }

        fn compared(&self, target: RepresentationShape) -> u64 {
            compared(target, 0)
        }
    }
}

/// Products, slopes and mixing of all rows of one place with all, and these rows and their factors in a projection.
fn compared(target: RepresentationShape, projection: usize) -> u64 {
    let rows = target.batch as u64;
    let projected = rows.saturating_mul(projection as u64).saturating_mul(2);
    rows.saturating_mul(rows).saturating_mul(3).saturating_add(projected)
}

/// Added to squared norms, so that the direction of a silent row is zero and not NaN.
const EPSILON: f32 = 1e-12;

/// Which rows are anchors, and their candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidates {
    /// Every row is an anchor; its candidates are all other rows.
    All,
    /// Views 1 are anchors; their candidates are views 2.
    OtherViews,
}

impl Candidates {
    /// Whether row `one` of `rows` is an anchor and row `other` is one of its candidates.
    fn has(self, rows: usize, one: usize, other: usize) -> bool {
        match self {
            Self::All => one != other,
            Self::OtherViews => one < rows / 2 && other >= rows / 2,
        }
    }

    /// How many of `rows` rows are anchors.
    fn looking(self, rows: usize) -> usize {
        match self {
            Self::All => rows,
            Self::OtherViews => rows / 2,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Scores {
    temperature: f32,
    candidates: Candidates,
}

impl Scores {
    /// The loss, with weight `share` for each anchor, and a matrix `[rows, rows]`: the weight of every row in −∂L/∂z
    /// of each row. `gram` `[rows, rows]` has the products of all rows; `other(row)` is the positive of a row.
    ///
    /// With n = |z|, s_ij = cos_ij / τ and H = π + πᵀ − 1\[positive\] − 1\[positive\]ᵀ (π and 1\[positive\] are 0 in
    /// rows that are not anchors),
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
        for i in (0..rows).filter(|&i| self.candidates.has(rows, i, other(i))) {
            let score = |j: usize| cosine(i, j) / self.temperature;
            let rest = || (0..rows).filter(|&j| self.candidates.has(rows, i, j));
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

    /// The loss of one place's rows.
    fn loss(&self, z: &Matrix, share: f32, other: &dyn Fn(usize) -> usize) -> Scalar {
        let rows = z.shape().0;
        let unit = z / (z.square().row_sums() + EPSILON).sqrt();
        let away = z.constant(
            rows,
            rows,
            |row, other| {
                if self.candidates.has(rows, row, other) { 0.0 } else { -1e9 }
            },
        );
        let scores = unit.matmul(&unit.transpose()) * (1.0 / self.temperature) + away;
        let hits = z.constant(rows, rows, |row, column| {
            if column == other(row) && self.candidates.has(rows, row, column) { -share } else { 0.0 }
        });
        (scores.log_softmax() * hits).sum()
    }
}

/// The rule of one module.
///
/// # Shapes
/// `projection.weight` P `[D, C]`, if the rule has a projection.
struct Contrast {
    rule: &'static str,
    scores: Scores,
    projection: Option<Parameter>,
}

impl PlasticityRule for Contrast {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        let pairing = Pairing::of(self.rule, shape)?;
        let device = data.device();
        let (rows, width) = (2 * pairing.images, shape.channel);
        let share = 1.0 / (pairing.places * self.scores.candidates.looking(rows)) as f32;
        let mut target = Buffer::zeros(device, shape.len())?;
        let mut own = self
            .projection
            .iter()
            .map(|p| Buffer::zeros(device, p.value().len()))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let mut loss = 0.0;
        for place in 0..pairing.places {
            let first = place * rows * width;
            let projected = match &self.projection {
                Some(weight) => {
                    let depth = weight.shape()[0];
                    let mut projected = Buffer::zeros(device, rows * depth)?;
                    let product = Product::new(rows, depth, width).transpose_b().at(first, 0, 0);
                    ops::product(product, data, weight.value(), &mut projected)?;
                    Some((weight, depth, projected))
                }
                None => None,
            };
            let (seen, from, depth) = match &projected {
                Some((_, depth, projected)) => (projected, 0, *depth),
                None => (data, first, width),
            };
            let mut gram = Buffer::zeros(device, rows * rows)?;
            let product = Product::new(rows, rows, depth).transpose_b().at(from, from, 0);
            ops::product(product, seen, seen, &mut gram)?;
            let (part, mixing) = self.scores.mixing(&gram.to_vec()?, rows, share, &|row| pairing.other(row));
            loss += part;
            let mixing = Buffer::from_vec(device, mixing)?;
            let Some((weight, depth, projected)) = &projected else {
                ops::product(
                    Product::new(rows, width, rows).at(0, first, first),
                    &mixing,
                    data,
                    &mut target,
                )?;
                continue;
            };
            let mut factor = Buffer::zeros(device, rows * depth)?;
            ops::product(Product::new(rows, *depth, rows), &mixing, projected, &mut factor)?;
            let product = Product::new(rows, width, *depth).at(0, 0, first);
            ops::product(product, &factor, weight.value(), &mut target)?;
            let product = Product::new(*depth, width, rows).transpose_a().accumulate().at(0, first, 0);
            ops::product(product, &factor, data, &mut own[0])?;
        }
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, target, own)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let pairing = Pairing::of(self.rule, signals.context_shape())?;
        let rows = 2 * pairing.images;
        let share = 1.0 / (pairing.places * self.scores.candidates.looking(rows)) as f32;
        let mut total: Option<Scalar> = None;
        for place in 0..pairing.places {
            let mut z = signals.context().rows(place * rows..(place + 1) * rows);
            if self.projection.is_some() {
                z = z.matmul(&signals.own(0)?.transpose());
            }
            let loss = self.scores.loss(&z, share, &|row| pairing.other(row));
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        Ok(total)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.projection.iter_mut().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_follows_loss, context, representation};
    use plasticity_core::random::stream;

    const SHAPE: RepresentationShape = RepresentationShape { time: 1, location: 2, batch: 8, channel: 5 };

    #[test]
    fn both_follow_their_losses() {
        let (infonce, nt_xent) = (
            InfoNce { temperature: 0.3, projection: 7, ..InfoNce::default() },
            NtXent { temperature: 0.3, ..NtXent::default() },
        );
        for spec in [&infonce as &dyn RuleSpec, &nt_xent] {
            let mut rule = spec.build(&context(SHAPE, SHAPE), &mut stream(1, &[])).unwrap();
            let target = representation(SHAPE, 1);
            assert_follows_loss(rule.as_mut(), &Signals::new(&target));
        }
    }

    #[test]
    fn all_rows_of_a_place_are_counted_with_all() {
        assert_eq!(NtXent::default().compared(SHAPE), 3 * 8 * 8);
        let projected = InfoNce { projection: 7, ..InfoNce::default() };
        assert_eq!(projected.compared(SHAPE), 3 * 8 * 8 + 2 * 8 * 7);
        let many = RepresentationShape { batch: usize::MAX, ..SHAPE };
        assert_eq!(NtXent::default().compared(many), u64::MAX);
    }

    /// Projections have length 1 and lie along axes. View 2 of image 0 is parallel to view 1, the others are
    /// orthogonal. So the loss of each image is known.
    #[test]
    fn views_1_look_among_views_2_alone() {
        let scores = Scores { temperature: 0.5, candidates: Candidates::OtherViews };
        let rows: [[f32; 2]; 4] = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]];
        let gram: Vec<f32> = rows.iter().flat_map(|a| rows.map(|b| a[0] * b[0] + a[1] * b[1])).collect();
        let (loss, _) = scores.mixing(&gram, 4, 0.5, &|row| (row + 2) % 4);
        // Image 0 has two equal candidates, image 1 has two orthogonal ones: ln 2 each.
        assert!((loss - std::f64::consts::LN_2).abs() < 1e-6, "{loss}");
    }
}
