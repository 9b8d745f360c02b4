//! `scff`: Self-Contrastive Forward-Forward.

use super::contrast::{Goodness, doubled};
use super::pairs::{Form, Pairs};
use super::potential::PositionGoodness;
use plasticity_core::draws::{Draws, Side};
use plasticity_core::map::FeatureMap;
use plasticity_core::plasticity::{
    Demands, Each, Level, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// A positive stimulus is a pair of x_k with itself; a negative one is a pair of x_k with another stimulus x_n of the
/// batch. With two views of each image, x_n can be the other view of x_k.
///
/// The authors show the two stimuli of a pair to two copies of a layer's weights and sum the two potentials: W (x_k +
/// x_n) + 2 b. Here the layer sees the mean of the pair, so that stimuli have the same scale in learning and in probes.
/// Its potential is half of the authors'.
///
/// `form = "position"` is the published rule:
///
/// - Goodness is computed at each position, before the pool, from the authors' potential 2 (a + b).
/// - Stimuli are scaled to mean 0 and standard deviation 1, and each pair is scaled again.
/// - A module makes new pairs from the outputs of the module below for positive stimuli. With `pairs = "kept"` it uses
///   the outputs of the module below for its pairs; then the layer has one copy of its weights, with the potential a +
///   b.
/// - λ limits the goodness.
///
/// With `form = "map"`, goodness is computed from a module's output over the whole map. Pairs are drawn once, from
/// stimuli that are not scaled. The goodness of a ReLU layer without bias is then a quarter of the authors'; so the
/// default thresholds are a quarter of 2.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scff {
    /// What goodness averages over, and how pairs are made.
    pub form: Form,
    /// θ⁺: goodness that positive stimuli should exceed.
    pub positive_threshold: Each<f32>,
    /// θ⁻: goodness that negative stimuli should stay below.
    pub negative_threshold: Each<f32>,
    /// λ of the norm of goodness.
    pub penalty: Each<f32>,
    /// Rows and columns of the mirrored border that the module's first layer puts around maps.
    pub border: Each<usize>,
    /// Which pairs a module compares.
    pub pairs: Each<Pairing>,
}

/// The pairs of a module above the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// New pairs of the outputs of the module below for positive stimuli.
    Anew,
    /// The output of the module below for each of its pairs.
    Kept,
}

impl Default for Scff {
    fn default() -> Self {
        Self {
            form: Form::Map,
            positive_threshold: Each::Same(0.5),
            negative_threshold: Each::Same(0.5),
            penalty: Each::Same(0.0),
            border: Each::Same(0),
            pairs: Each::Same(Pairing::Anew),
        }
    }
}

plugin! {
    Rule "scff": "Self-Contrastive Forward-Forward: high goodness on a stimulus, low on a pair of different ones",
    equation: "L = softplus(θ⁺ − g(x_k, x_k)) + softplus(g(x_k, x_n) − θ⁻) + λ ‖g(x_k, x_k)‖₂, g = mean z²",
    citation: "Chen, Liu, Laydevant & Grollier 2025, Nat. Commun. 16, 5978",
    keys: [
        form = "\"map\"", "map | position", "map: one goodness for the whole map of a module's output. Pairs \
                                             are made once, before the first module, and not normalised. \
                                             position, as published: a goodness for each position, before \
                                             the pool. Pairs are normalised, and each module makes its own \
                                             (see `pairs`)";
        positive_threshold = "0.5", "≥ 0 | list of ≥ 0", "θ⁺, a number or one for each module: the goodness \
                                                          that a stimulus should exceed";
        negative_threshold = "0.5", "≥ 0 | list of ≥ 0", "θ⁻, a number or one for each module: the goodness \
                                                          that a pair of two stimuli should stay below";
        penalty = "0.0", "≥ 0 | list of ≥ 0", "λ, a number or one for each module, with \
                                               `form = \"position\"`: weight of the norm of goodness over \
                                               positions";
        border = "0", "0..=4096 | list of 0..=4096", "a number or one for each module, with \
                                                      `form = \"position\"`: width of the mirrored border \
                                                      that the module's first layer puts around maps. The \
                                                      mean and standard deviation of a pair include the border";
        pairs = "\"anew\"", "anew | kept | list of text", "a name or one for each module, with \
                                                           `form = \"position\"`. anew: the module makes new \
                                                           pairs, from what the module below sends for its \
                                                           positive pairs. kept: the module makes no pairs; \
                                                           what the module below sends for its positive and \
                                                           negative pairs is the input. The first module has \
                                                           `anew`";
    ],
    example: "type = \"scff\"",
    impl RuleSpec for Scff {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            let goodness = Goodness {
                positive: self.positive_threshold.of("positive_threshold", site)?,
                negative: self.negative_threshold.of("negative_threshold", site)?,
                sum: false,
                peers: 0.0,
            };
            let penalty = self.penalty.of("penalty", site)?;
            let border = self.border.of("border", site)?;
            let kept = self.pairs.of("pairs", site)? == Pairing::Kept;
            if kept && (self.form == Form::Map || site.module == 0) {
                let message = "`kept` is for form = \"position\", and for modules above the first: give a list";
                return Err(Error::config("pairs", message));
            }
            if self.form == Form::Map && (penalty != 0.0 || border != 0) {
                let key = if penalty != 0.0 { "penalty" } else { "border" };
                return Err(Error::config(key, "needs form = \"position\": set it, or remove this key"));
            }
            Ok(match self.form {
                Form::Map => Box::new(Contrast { pairs: Pairs::AsTheyAre, kept, of: goodness }),
                Form::Position => Box::new(Contrast {
                    pairs: Pairs::Normalised { border },
                    kept,
                    of: PositionGoodness { thresholds: goodness, penalty, copies: if kept { 1 } else { 2 } },
                }),
            })
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_pooling(Pooling::Keep).with_prepared(doubled);
            // A second presentation could be the other stimulus of the first.
            let demands = demands.with_presentations(1);
            match self.form {
                Form::Map => demands,
                Form::Position => demands.with_level(Level::Potential),
            }
        }
    }
}

/// Computes a loss of goodness from activity.
trait Contrasts: Send {
    fn update(&self, signals: &Signals) -> Result<RuleUpdate>;
    fn loss(&self, signals: &Taped) -> Result<Scalar>;
}

impl Contrasts for Goodness {
    fn update(&self, signals: &Signals) -> Result<RuleUpdate> {
        self.update("scff", signals)
    }

    fn loss(&self, signals: &Taped) -> Result<Scalar> {
        self.loss("scff", signals)
    }
}

impl Contrasts for PositionGoodness {
    fn update(&self, signals: &Signals) -> Result<RuleUpdate> {
        self.update("scff", signals)
    }

    fn loss(&self, signals: &Taped) -> Result<Scalar> {
        self.loss("scff", signals)
    }
}

/// The rule of one module.
struct Contrast<G> {
    pairs: Pairs,
    /// Whether the pairs of the module below are kept.
    kept: bool,
    of: G,
}

impl<G: Contrasts> PlasticityRule for Contrast<G> {
    fn prepares(&self) -> bool {
        true
    }

    fn prepare(
        &mut self,
        input: FeatureMap,
        _labels: Option<&[u32]>,
        draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        let others = draws.others(Side::Predict, 1, input.shape().batch);
        self.pairs.side_by_side(&input, &others)
    }

    fn prepare_from_below(
        &mut self,
        below: &FeatureMap,
        draws: &mut dyn Draws,
    ) -> Result<Option<FeatureMap>> {
        if self.kept { self.pairs.with_itself(below) } else { self.pairs.anew(below, draws.random(3)) }
    }

    fn prepare_probe(&self, input: &FeatureMap) -> Result<Option<FeatureMap>> {
        self.pairs.with_itself(input)
    }

    fn prepare_probe_from_below(&self, below: &FeatureMap) -> Result<Option<FeatureMap>> {
        self.pairs.with_itself(below)
    }

    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        self.of.update(signals)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        self.of.loss(signals).map(Some)
    }
}
