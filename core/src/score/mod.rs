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

/// What follows from the modulation of every pair.
#[derive(Default)]
#[non_exhaustive]
pub struct Dendrites {
    /// Σ γ · ∂u/∂z for every target row, if it was asked for.
    pub target: Option<Buffer>,
    /// Σ γ · ∂u/∂c for every context row, if it was asked for.
    pub context: Option<Buffer>,
    /// Σ γ · ∂u/∂W for each own parameter that learns, if it was asked for.
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
/// A row is one vector, or, where all pairs are compared (video), the vectors of all locations one after the
/// other, so that rows may be a whole number of times as long as what the score was built for.
///
/// Implement [`all_pairs`](Self::all_pairs), and the rest follows by automatic differentiation. A score may
/// have a fast path of its own, which the plugin suite checks against the former.
pub trait ScoreFunction: Send {
    /// `[context rows, target rows]`: the score of every context with every target.
    ///
    /// `own` are its parameters, each as a matrix: its first public axis by the rest.
    ///
    /// # Errors
    /// Where the rows do not fit the score.
    fn all_pairs(&self, target: &Matrix, context: &Matrix, own: &[Matrix]) -> Result<Matrix>;

    /// Scores of the pairs alone.
    ///
    /// # Errors
    /// Where the rows do not fit the score.
    fn scores(&mut self, target: Rows, context: Rows, pairs: &Pairs) -> Result<Scores> {
        autodiff::scores(self, target, context, pairs)
    }

    /// The dendritic signals for the modulation `gamma` of every pair. Called after [`scores`](Self::scores)
    /// with the same rows and pairs.
    ///
    /// # Errors
    /// Where the rows do not fit the score.
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
    /// W_retro learns by itself (Equations 16 to 19).
    Retrodiction,
}

/// What a config says of a score; [`ScoreSpec::build`] makes one for each prediction step.
#[typetag::serde(tag = "type")]
pub trait ScoreSpec: Send + Sync + std::fmt::Debug {
    /// Makes the score of one prediction step for vectors of such lengths, with fresh weights.
    ///
    /// # Errors
    /// Where the score cannot compare such vectors.
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
