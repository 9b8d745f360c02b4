//! `clapp_pp` and `clapp_pp_backprop`: two views of an image predict each other.

use super::pairing::Pairing;
use super::pool::Pool;
use crate::broadcast::Hinge;
use crate::rule::output::{self, output};
use crate::score::{self, Bilinear};
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
use plasticity_core::device::Buffer;
use plasticity_core::draws::{Draws, Side};
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{
    ContextSource, Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::registry::Key;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::score::autodiff::pick;
use plasticity_core::score::{Reach, Rows, ScoreFunction, ScoreSpec, Transport};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// The config of CLAPP++.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClappPp {
    /// Where the context comes from: `same`, `top` or `both`.
    pub context: ContextSource,
    /// Blocks into which each module's map is pooled before the score.
    pub pool: Pool,
    /// Number of saccades of a context: views of other images of the batch.
    pub negatives: usize,
    /// Score of a context and a target. The context's neurons never learn, so its transport must be `blocked`.
    pub score: Box<dyn ScoreSpec>,
    /// Modulation of every pair.
    pub broadcast: Box<dyn BroadcastSpec>,
}

impl Default for ClappPp {
    fn default() -> Self {
        Self {
            context: ContextSource::Same,
            pool: Pool::default(),
            negatives: 1,
            score: Box::new(Bilinear::from(Transport::Blocked)),
            broadcast: Box::new(Hinge::default()),
        }
    }
}

/// The same loss only at the top, with gradients through all layers.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ClappPpBackprop(pub ClappPp);

const KEYS: [Key; 5] = [
    Key {
        name: "context",
        default: "\"same\"",
        range: "same | top | both",
        meaning: "which representation of the other view predicts: the module's own, the top module's (direct \
                  feedback), or both, each with its own prediction weights",
    },
    Key {
        name: "pool",
        default: "0",
        range: "0.. | list of 0..",
        meaning: "side of the blocks of a map whose means are the score's inputs (spatial dependence), one \
                  for all modules or one for each module; rows and columns past the last whole block are left \
                  out; 0: the whole map is one block",
    },
    Key {
        name: "negatives",
        default: "1",
        range: "1..=65536",
        meaning: "negatives of a context: views of other images in the batch",
    },
    Key {
        name: "score",
        default: "{ type = \"bilinear\", transport = \"blocked\" }",
        range: "a score",
        meaning: "how well a context fits a target; neurons do not learn from their role as context, so a \
                  score that has `transport` needs \"blocked\"",
    },
    Key {
        name: "broadcast",
        default: "{ type = \"hinge\", weight = 1.0, gate = true, sign = true }",
        range: "a broadcast",
        meaning: "computes the modulator γ of every pair from its score",
    },
];

plugin! {
    Rule "clapp_pp": "CLAPP++: two views of an image predict each other, with spatial dependence and feedback from the top",
    equation: "ΔW = γ · (B c) · ρ'(a) · x, u = zᵀ B c, L = max(0, 1 − u⁺) + max(0, 1 + u⁻)",
    citation: "Zihan, Delrocq, Gerstner & Bellec 2026",
    keys: = &KEYS,
    example: "type = \"clapp_pp\"\ncontext = \"both\"",
    impl RuleSpec for ClappPp {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(TwoViews::new("clapp_pp", self, site, random)?))
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_pooling_of_each(self.pool.poolings()).with_context(self.context);
            demands.with_views(2).with_least_batch(2).with_presentations(1)
        }

        /// Scores of each row with its other view and its negatives, and as many modulations.
        fn compared(&self, target: RepresentationShape) -> u64 {
            let pairs = (target.rows() as u64).saturating_mul(1 + self.negatives as u64);
            pairs.saturating_mul(2)
        }
    }
}

plugin! {
    Rule "clapp_pp_backprop": "The loss of CLAPP++ at the top, with gradients through all layers",
    equation: "L = max(0, 1 − u⁺) + max(0, 1 + u⁻), u = zᵀ B c at the top",
    citation: "Zihan, Delrocq, Gerstner & Bellec 2026 (the same loss by backpropagation)",
    keys: = &KEYS,
    example: "type = \"clapp_pp_backprop\"",
    impl RuleSpec for ClappPpBackprop {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(TwoViews::new("clapp_pp_backprop", &self.0, site, random)?))
        }

        fn demands(&self) -> Demands {
            self.0.demands().with_modules("end_to_end")
        }

        fn compared(&self, target: RepresentationShape) -> u64 {
            self.0.compared(target)
        }
    }
}

/// The rule of one module, on two views.
///
/// The target of row r is the other view z of the same image. Its context c is row r of the
/// module's own representation (`predict.same`) or of the top module's (`predict.top`), detached.
/// u⁺ = zᵀ B c; for u⁻, a view of another image replaces z. L = Σ over contexts of mean max(0, 1 −
/// u⁺) + mean max(0, 1 + u⁻).
pub struct TwoViews {
    rule: &'static str,
    negatives: usize,
    broadcast: Box<dyn BroadcastSignal>,
    scores: Vec<Part>,
}

/// Refuses a transport that would have no effect.
fn one_sided(rule: &str, score: &dyn ScoreSpec) -> Result<()> {
    let ignored = match score.transport() {
        Transport::Blocked => false,
        Transport::Retrodiction => true,
        // Scores without this key say `shared`.
        Transport::Shared => score.typetag_name() == "bilinear",
    };
    if !ignored {
        return Ok(());
    }
    let message =
        format!("`{rule}` is one-sided: use score = {{ type = \"bilinear\", transport = \"blocked\" }}");
    Err(Error::config("score.transport", message))
}

/// The score of one context.
struct Part {
    /// Whether the context is the representation of the top module.
    top: bool,
    score: Box<dyn ScoreFunction>,
    /// How many parameters the score has.
    parameters: usize,
}

impl TwoViews {
    /// The rule `rule` for a module, with new weights.
    ///
    /// # Errors
    /// If an option is out of range.
    pub fn new(rule: &'static str, spec: &ClappPp, to: &Site, random: &mut Random) -> Result<Self> {
        spec.pool.check(to.modules)?;
        one_sided(rule, spec.score.as_ref())?;
        let sources: &[bool] = match spec.context {
            ContextSource::Same => &[false],
            ContextSource::Top => &[true],
            ContextSource::Both => &[false, true],
            ContextSource::Above => {
                let message = "expected `same`, `top` or `both`, got `above`";
                return Err(Error::config("context", message));
            }
        };
        let mut scores = Vec::new();
        for &top in sources {
            let own = to.context.channel;
            let context = if top { to.top.channel } else { own };
            let mut score = spec
                .score
                .build(Side::Predict, own, context, to.device, random)
                .map_err(|error| error.under("score"))?;
            score::name_parameters(score.as_mut(), if top { "predict.top" } else { "predict.same" });
            let parameters = score.parameters().len();
            scores.push(Part { top, score, parameters });
        }
        let broadcast = spec.broadcast.build().map_err(|error| error.under("broadcast"))?;
        Ok(Self { rule, negatives: spec.negatives, broadcast, scores })
    }

    /// The top module's representation; it must have as many rows as the target.
    fn top<'a>(&self, top: Option<&'a Representation>, rows: usize) -> Result<&'a Representation> {
        top.filter(|top| top.shape().rows() == rows).ok_or_else(|| {
            let message = format!(
                "needs a representation of the top module with {rows} rows, as the module's own has, got {:?}",
                top.map(Representation::shape)
            );
            Error::shape(format!("rule {}", self.rule), message)
        })
    }
}

impl PlasticityRule for TwoViews {
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let seen = output(signals);
        let shape = seen.shape();
        let pairing = Pairing::of(self.rule, shape)?;
        let device = seen.data().device();
        let pairs = pairing.pairs(self.rule, self.negatives, draws, device)?;
        let mut losses = Vec::new();
        let mut target = Buffer::zeros(device, shape.len())?;
        let mut own = Vec::new();
        for index in 0..self.scores.len() {
            let source = match self.scores[index].top {
                true => self.top(signals.top, shape.rows())?,
                false => seen,
            };
            let width = source.shape().channel;
            let contexts = pairing.swapped(source.data(), width)?;
            let rows = |data, channels| Rows { data, first: 0, rows: shape.rows(), channels };
            let (z, c) = (rows(seen.data(), shape.channel), rows(&contexts, width));
            let score = &mut self.scores[index].score;
            let u = score.scores(z, c, &pairs)?;
            let modulation = self.broadcast.modulation(&u, &pairs)?;
            losses.push(modulation.loss);
            let reach = Reach { target: true, context: false, weights: true };
            let made = score.dendrites(z, c, &pairs, &modulation.gamma, reach)?;
            if let Some(made) = made.target {
                ops::add(&mut target, 1.0, &made)?;
            }
            own.extend(made.own);
        }
        let mut loss = Buffer::zeros(device, 1)?;
        ops::add_singles(&mut loss, 1.0, &losses)?;
        output::update(signals, loss, target, own)
    }

    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<Scalar>> {
        if !self.broadcast.follows_loss() {
            return Ok(None);
        }
        let pairing = Pairing::of(self.rule, signals.context_shape())?;
        let pairs = pairing.pairs(self.rule, self.negatives, draws, signals.device())?;
        let mut total: Option<Scalar> = None;
        let mut own = signals.all_own();
        for part in &self.scores {
            let (weights, others) = own.split_at(part.parameters.min(own.len()));
            own = others;
            let source = match (part.top, signals.top()) {
                (false, _) => signals.context(),
                (true, Some(top)) => top,
                (true, None) => {
                    let message = "needs the top module's representation, but there is none";
                    return Err(Error::shape(format!("rule {}", self.rule), message));
                }
            };
            let others = source.take(&pairing.others()).detach();
            let all = part.score.all_pairs(signals.context(), &others, weights)?;
            let loss = self.broadcast.loss(&pick(&all, &pairs), &pairs)?;
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        Ok(total)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.scores.iter_mut().flat_map(|part| part.score.parameters()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_follows_loss, context, refusal, representation};
    use plasticity_core::random::stream;

    fn shape(channel: usize) -> RepresentationShape {
        RepresentationShape { time: 1, location: 2, batch: 8, channel }
    }

    #[test]
    fn clapp_pp_follows_its_loss_with_every_context() {
        for source in [ContextSource::Same, ContextSource::Top, ContextSource::Both] {
            for negatives in [1, 3] {
                let spec = ClappPp { context: source, negatives, ..ClappPp::default() };
                let mut rule = spec.build(&context(shape(5), shape(3)), &mut stream(1, &[])).unwrap();
                let (target, top) = (representation(shape(5), 1), representation(shape(3), 2));
                let signals = Signals::new(&target).with_top(&top);
                assert_follows_loss(rule.as_mut(), &signals);
            }
        }
    }

    #[test]
    fn each_row_is_counted_with_its_other_view_and_its_negatives() {
        let spec = ClappPpBackprop(ClappPp { negatives: 3, ..ClappPp::default() });
        assert_eq!(spec.compared(shape(5)), 2 * 16 * (1 + 3));
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_the_key() {
        let above = ClappPp { context: ContextSource::Above, ..ClappPp::default() };
        assert!(refusal(&above).starts_with("context: "));
        assert!(refusal(&ClappPp { pool: Pool::Each(vec![1]), ..ClappPp::default() }).starts_with("pool: "));
    }

    #[test]
    fn a_transport_without_effect_is_an_error_that_names_the_remedy() {
        for score in
            ["type = \"bilinear\"", "type = \"bilinear\"\ntransport = \"retrodiction\"", "type = \"w_retro\""]
        {
            let score = || toml::from_str(score).unwrap();
            let error = refusal(&ClappPp { score: score(), ..ClappPp::default() });
            assert!(error.starts_with("score.transport: `clapp_pp` is one-sided: use"), "{error}");
            let error = refusal(&ClappPpBackprop(ClappPp { score: score(), ..ClappPp::default() }));
            assert!(error.starts_with("score.transport: `clapp_pp_backprop` is"), "{error}");
        }
    }

    #[test]
    fn configs_name_pools_as_a_number_or_a_list() {
        let spec: ClappPpBackprop = toml::from_str("pool = 2\ncontext = \"top\"").unwrap();
        assert_eq!((spec.0.pool, spec.0.context), (Pool::Same(2), ContextSource::Top));
        let spec: ClappPp = toml::from_str("pool = [8, 4, 0]").unwrap();
        assert_eq!(spec.pool, Pool::Each(vec![8, 4, 0]));
        assert!(toml::from_str::<ClappPp>("pools = 2").is_err());
    }
}
