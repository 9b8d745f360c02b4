//! `bilinear`: u = zᵀ W c.

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::Side;
use plasticity_core::ops::{self, Product};
use plasticity_core::pairs::{Pairs, Saccades, Scores};
use plasticity_core::parameter::Parameter;
use plasticity_core::plugin;
use plasticity_core::random::{Random, uniform};
use plasticity_core::score::{Dendrites, Reach, Rows, ScoreFunction, ScoreSpec, Transport};
use plasticity_core::taped::Matrix;
use plasticity_core::{Error, Result};

/// u = zᵀ W_pred c, and how dendritic signals reach the context's neurons.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bilinear {
    /// How dendritic signals reach the context's neurons.
    pub transport: Transport,
    /// Initial weights are uniform within ±`initial`/√fan_in.
    pub initial: f32,
}

impl Default for Bilinear {
    fn default() -> Self {
        Transport::default().into()
    }
}

impl From<Transport> for Bilinear {
    fn from(transport: Transport) -> Self {
        Self { transport, initial: 1.0 }
    }
}

plugin! {
    Score "bilinear": "Bilinear score of context and target: a dendritic prediction W_pred c on the \
             target's neurons",
    equation: "u = zᵀ W_pred c",
    citation: "van den Oord et al. 2018; Illing et al. 2021, Equations 2, 8-10 and 15-19",
    keys: [
        transport = "\"shared\"", "shared | blocked | retrodiction",
            "how signals come back to the context's neurons: through W_predᵀ, not at all, or through W_retro, \
             which learns separately";
        initial = "1.0", "[0, 1]",
            "the initial weights are uniform within ± this value / √fan_in; use a small value if a score \
             sums over many places and would start too large";
    ],
    example: "type = \"bilinear\"\ntransport = \"shared\"",
    impl ScoreSpec for Bilinear {
        fn build(
            &self,
            side: Side,
            target: usize,
            context: usize,
            device: &Device,
            random: &mut Random,
        ) -> Result<Box<dyn ScoreFunction>> {
            Ok(Box::new(BilinearScore::new(self, side, target, context, device, random)?))
        }

        fn transport(&self) -> Transport {
            self.transport
        }
    }
}

/// The bilinear score of one prediction step.
///
/// # Shapes
/// `weight` is `[C_z, C_c]` for [`Side::Predict`], u = zᵀ W c, and `[C_c, C_z]` for [`Side::Retrodict`],
/// u = cᵀ W z. A row may hold the vectors of several locations: W acts on each, and u is the sum over locations.
pub struct BilinearScore {
    side: Side,
    weight: Parameter,
    target: usize,
    context: usize,
    /// The dendritic prediction of each context row on the target's neurons; kept from `scores` until `dendrites`.
    prediction: Option<Buffer>,
}

impl BilinearScore {
    /// A score with new weights, uniform within ±`initial`/√fan_in, where fan_in is the number of the weight's columns.
    ///
    /// # Errors
    /// If a side has no neurons.
    pub fn new(
        spec: &Bilinear,
        side: Side,
        target: usize,
        context: usize,
        device: &Device,
        random: &mut Random,
    ) -> Result<Self> {
        if target == 0 || context == 0 {
            let message = format!("needs neurons on both sides, got {target} targets and {context} contexts");
            return Err(Error::shape("bilinear score", message));
        }
        if target.checked_mul(context).is_none_or(|weights| weights > MOST) {
            let message = format!(
                "too many weights: {target} × {context} is more than {MOST}; use fewer neurons, or larger blocks of pooling"
            );
            return Err(Error::shape("bilinear score", message));
        }
        let shape = match side {
            Side::Predict => [target, context],
            Side::Retrodict => [context, target],
        };
        let draw = |count| {
            let mut values = uniform(random, count, shape[1]);
            values.iter_mut().for_each(|value| *value *= spec.initial);
            Ok(values)
        };
        let weight = Parameter::drawn(device, "weight", &shape, &[0, 1], draw)?;
        Ok(Self { side, weight, target, context, prediction: None })
    }

    /// How many vectors a row holds.
    fn locations(&self, target: Rows, context: Rows) -> Result<usize> {
        let locations = target.channels / self.target;
        let fits = locations > 0
            && target.channels == locations * self.target
            && context.channels == locations * self.context
            && context.rows == target.rows
            && (context.first + context.rows) * context.channels <= context.data.len()
            && (target.first + target.rows) * target.channels <= target.data.len();
        if fits {
            return Ok(locations);
        }
        let message = format!(
            "was made for targets of {} and contexts of {} neurons, got {} × {} and {} × {}",
            self.target, self.context, target.rows, target.channels, context.rows, context.channels
        );
        Err(Error::shape(self.weight.name(), message))
    }

    /// D = C Wᵀ: the prediction of each context row for the target's neurons.
    fn predict(&self, context: Rows, locations: usize) -> Result<Buffer> {
        let rows = context.rows * locations;
        let mut prediction = Buffer::unset(context.data.device(), rows * self.target)?;
        let product = Product::new(rows, self.target, self.context);
        let product = match self.side {
            Side::Predict => product.transpose_b(),
            Side::Retrodict => product,
        };
        let product = product.at(context.first * context.channels, 0, 0);
        ops::product(product, context.data, self.weight.value(), &mut prediction)?;
        Ok(prediction)
    }

    /// Post factor of the context and update of W from G, the sum Σ γ z over the targets of each context row: dC = G W,
    /// dW = Gᵀ C. `contexts` starts at value `first` and has as many rows as `gathered`.
    fn back(
        &self,
        gathered: &Buffer,
        contexts: &Buffer,
        first: usize,
        reach: Reach,
    ) -> Result<(Option<Buffer>, Option<Buffer>)> {
        let rows = gathered.len() / self.target;
        let device = gathered.device();
        let mut context = None;
        let mut own = None;
        if reach.context {
            let mut made = Buffer::unset(device, rows * self.context)?;
            let product = Product::new(rows, self.context, self.target);
            let product = match self.side {
                Side::Predict => product,
                Side::Retrodict => product.transpose_b(),
            };
            if rows > 0 {
                ops::product(product, gathered, self.weight.value(), &mut made)?;
            }
            context = Some(made);
        }
        if reach.weights {
            let len = self.target * self.context;
            let mut made = if rows > 0 { Buffer::unset(device, len)? } else { Buffer::zeros(device, len)? };
            match self.side {
                _ if rows == 0 => {}
                Side::Predict => {
                    let product = Product::new(self.target, self.context, rows).transpose_a();
                    ops::product(product.at(0, first, 0), gathered, contexts, &mut made)?;
                }
                Side::Retrodict => {
                    let product = Product::new(self.context, self.target, rows).transpose_a();
                    ops::product(product.at(first, 0, 0), contexts, gathered, &mut made)?;
                }
            }
            own = Some(made);
        }
        Ok((context, own))
    }
}

impl ScoreFunction for BilinearScore {
    fn all_pairs(&self, target: &Matrix, context: &Matrix, own: &[Matrix]) -> Result<Matrix> {
        let weight = own.first().ok_or_else(|| Error::shape(self.weight.name(), "its weight is missing"))?;
        let ((rows, width), (_, target_width)) = (context.shape(), target.shape());
        let locations = width / self.context;
        if width != locations * self.context || target_width != locations * self.target {
            let message = format!(
                "was made for targets of {} and contexts of {} neurons, got {target_width} and {width}",
                self.target, self.context
            );
            return Err(Error::shape(self.weight.name(), message));
        }
        let each = context.reshape(rows * locations, self.context);
        let predicted = match self.side {
            Side::Predict => each.matmul(&weight.transpose()),
            Side::Retrodict => each.matmul(weight),
        };
        Ok(predicted.reshape(rows, locations * self.target).matmul(&target.transpose()))
    }

    fn scores(&mut self, target: Rows, context: Rows, pairs: &Pairs) -> Result<Scores> {
        let locations = self.locations(target, context)?;
        let prediction = self.predict(context, locations)?;
        let scores = match pairs.saccades {
            Saccades::Sampled(_) => ops::pair_scores(&prediction, target, pairs)?,
            Saccades::All => {
                let (rows, width) = (target.rows, target.channels);
                let mut values = Buffer::unset(target.data.device(), rows * rows)?;
                let product = Product::new(rows, rows, width).transpose_b().at(0, target.first * width, 0);
                ops::product(product, &prediction, target.data, &mut values)?;
                Scores { values, rows, columns: rows }
            }
        };
        self.prediction = Some(prediction);
        Ok(scores)
    }

    fn dendrites(
        &mut self,
        target: Rows,
        context: Rows,
        pairs: &Pairs,
        gamma: &Scores,
        reach: Reach,
    ) -> Result<Dendrites> {
        let locations = self.locations(target, context)?;
        let prediction = match self.prediction.take() {
            Some(prediction) => prediction,
            None => self.predict(context, locations)?,
        };
        let reach = Reach { weights: reach.weights && self.weight.learns(), ..reach };
        let gather = reach.context || reach.weights;
        let (rows, width) = (target.rows, target.channels);
        let start = context.first * context.channels;
        let (target, (context, own)) = match pairs.saccades {
            Saccades::Sampled(_) => {
                let made = ops::pair_dendrites(gamma, &prediction, target, pairs, (reach.target, gather))?;
                let back = match made.gathered {
                    None => (None, None),
                    Some(gathered) => match gathered.active {
                        None => self.back(&gathered.values, context.data, start, reach)?,
                        Some(active) => {
                            let contexts = ops::take_rows(context.data, start, context.channels, &active)?;
                            let (made, own) = self.back(&gathered.values, &contexts, 0, reach)?;
                            let put = |made| ops::put_rows(&made, context.channels, &active, rows);
                            (made.map(put).transpose()?, own)
                        }
                    },
                };
                (made.target, back)
            }
            Saccades::All => {
                let mut gathered =
                    Buffer::unset(gamma.values.device(), if gather { rows * width } else { 0 })?;
                let back = if gather {
                    let product = Product::new(rows, width, rows).at(0, target.first * width, 0);
                    ops::product(product, &gamma.values, target.data, &mut gathered)?;
                    self.back(&gathered, context.data, start, reach)?
                } else {
                    (None, None)
                };
                (reach.target.then(|| target_side(gamma, &prediction, target, pairs)).transpose()?, back)
            }
        };
        Ok(Dendrites::new(target, context, own.into_iter().collect()))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight]
    }
}

/// Σ γ · prediction over all pairs of each target row: Equation 8 without ρ' and pre.
///
/// # Errors
/// If the buffers do not fit the pairs.
pub(crate) fn target_side(
    gamma: &Scores,
    prediction: &Buffer,
    target: Rows,
    pairs: &Pairs,
) -> Result<Buffer> {
    let (rows, width) = (target.rows, target.channels);
    if let Saccades::Sampled(_) = pairs.saccades {
        let made = ops::pair_dendrites(gamma, prediction, target, pairs, (true, false))?;
        return made.target.ok_or_else(|| Error::shape("pairs", "returned no target side"));
    }
    let mut made = Buffer::unset(prediction.device(), rows * width)?;
    ops::product(Product::new(rows, width, rows).transpose_a(), &gamma.values, prediction, &mut made)?;
    Ok(made)
}

/// The largest number of weights of one score, checked before any is drawn: CUDA kernels count them in 31 bits.
const MOST: usize = i32::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::random::stream;

    fn weights(initial: f32) -> Result<Vec<f32>> {
        let spec = Bilinear { initial, ..Bilinear::default() };
        let device = Device::open()?;
        let score = BilinearScore::new(&spec, Side::Predict, 3, 4, &device, &mut stream(1, &[]))?;
        score.weight.get()
    }

    #[test]
    fn initial_scales_the_weights_and_nothing_else() {
        let (full, small) = (weights(1.0).unwrap(), weights(0.25).unwrap());
        assert!(
            full.iter().all(|weight| weight.abs() <= 0.5) && full.iter().any(|weight| weight.abs() > 0.25)
        );
        assert!(full.iter().zip(&small).all(|(full, small)| 0.25 * full == *small));
    }

    #[test]
    fn a_score_of_too_many_weights_is_refused_before_any_is_drawn() {
        let device = Device::open().unwrap();
        let made = Bilinear::default().build(Side::Predict, 1 << 16, 1 << 16, &device, &mut stream(1, &[]));
        let error = made.err().unwrap().to_string();
        assert!(error.contains("too many weights: 65536 × 65536"), "{error}");
    }
}
