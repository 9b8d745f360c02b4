//! Scores of contexts and targets, and the dendritic signals that follow from them.

pub mod autodiff;

use crate::device::{Buffer, Device};
use crate::draws::Side;
use crate::error::Result;
use crate::pairs::{Pairs, Scores};
use crate::parameter::Parameter;
use crate::random::Random;
use crate::taped::Matrix;
pub use plasticity_compute::rows::Rows;

/// Which dendritic signals a step of a rule needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The target's neurons learn.
    pub target: bool,
    /// The context's neurons learn.
    pub context: bool,
    /// The score's own weights learn.
    pub weights: bool,
}

impl Reach {
    /// Everything learns.
    pub const ALL: Self = Self { target: true, context: true, weights: true };
}

/// The signals that result from the modulation of every pair.
#[derive(Default)]
#[non_exhaustive]
pub struct Dendrites {
    /// Σ γ · ∂u/∂z for every target row, if requested.
    pub target: Option<Buffer>,
    /// Σ γ · ∂u/∂c for every context row, if requested.
    pub context: Option<Buffer>,
    /// Σ γ · ∂u/∂W for each learning parameter of the score, if requested.
    pub own: Vec<Buffer>,
}

impl Dendrites {
    /// Signals on the target's neurons, on the context's, and updates of the score's own weights.
    pub fn new(target: Option<Buffer>, context: Option<Buffer>, own: Vec<Buffer>) -> Self {
        Self { target, context, own }
    }
}

/// A score u(z, c) of one prediction step: how well a context fits a target.
///
/// A row is one vector. If all pairs are compared (video), a row contains the vectors of all locations one after another.
/// Then its length is a multiple of the length that the score was built for.
///
/// Implement [`all_pairs`](Self::all_pairs); automatic differentiation gives the rest. A score may also have a faster
/// form, which the plugin suite compares with `all_pairs`.
pub trait ScoreFunction: Send {
    /// `[context rows, target rows]`: the score of every context with every target.
    ///
    /// `own` has the parameters of the score, each as a matrix: the first public axis gives the rows, the others the
    /// columns.
    ///
    /// # Errors
    /// If the rows do not fit the score.
    fn all_pairs(&self, target: &Matrix, context: &Matrix, own: &[Matrix]) -> Result<Matrix>;

    /// Scores of only the pairs.
    ///
    /// # Errors
    /// If the rows do not fit the score.
    fn scores(&mut self, target: Rows, context: Rows, pairs: &Pairs) -> Result<Scores> {
        autodiff::scores(self, target, context, pairs)
    }

    /// The dendritic signals for the modulation `gamma` of every pair. Called after [`scores`](Self::scores)
    /// with the same rows and pairs.
    ///
    /// # Errors
    /// If the rows do not fit the score.
    fn dendrites(
        &mut self,
        target: Rows,
        context: Rows,
        pairs: &Pairs,
        gamma: &Scores,
        reach: Reach,
    ) -> Result<Dendrites> {
        autodiff::dendrites(self, target, context, pairs, gamma, reach)
    }

    /// Its weights, always in the same order.
    fn parameters(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

/// How dendritic signals reach the context's neurons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// W_retro = W_predᵀ: one weight used in both directions.
    #[default]
    Shared,
    /// W_retro = 0: the context's neurons are not updated (Equation 15).
    Blocked,
    /// W_retro learns separately (Equations 16 to 19).
    Retrodiction,
}

/// The keys of a score in a config; [`ScoreSpec::build`] builds one for each prediction step.
#[typetag::serde(tag = "type")]
pub trait ScoreSpec: Send + Sync + std::fmt::Debug {
    /// Builds the score of one prediction step for vectors of these lengths, with new weights.
    ///
    /// # Errors
    /// If the score cannot compare such vectors.
    fn build(
        &self,
        side: Side,
        target: usize,
        context: usize,
        device: &Device,
        random: &mut Random,
    ) -> Result<Box<dyn ScoreFunction>>;

    /// How dendritic signals reach the context.
    fn transport(&self) -> Transport {
        Transport::Shared
    }
}
