//! Rules that learn from labels: cross entropy of a linear classifier, through all layers, greedily, or by direct feedback.

mod baselines;
mod cross_entropy;
pub mod dfa;

pub use baselines::{GreedySupervised, Supervised};
pub use cross_entropy::{ClassifierError, CrossEntropy};
pub use dfa::Dfa;
