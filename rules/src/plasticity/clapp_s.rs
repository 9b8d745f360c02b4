//! `clapp_s`: synchronous CLAPP.

use super::options::{self, HINGE, SHARED, SIXTEEN};
use super::preset::preset;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// Every layer has a loss of its own; a fixation and all its saccades meet in every step.
    ClappS "clapp_s": "CLAPP-s, synchronous: every layer its own hinge loss, fixation and saccades at once",
    equation: "ΔW = Σ γ · (W_pred c) · ρ'(a) · x",
    citation: "Illing et al. 2021, Equations 5-10",
    modules: "layerwise",
    keys: options::keys(SIXTEEN, "false", SHARED, HINGE),
    options: {}
}
