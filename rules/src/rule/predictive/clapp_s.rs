//! `clapp_s`: synchronous CLAPP.

use super::options::{self, DRAWN, HINGE, SHARED, SIXTEEN};
use super::preset::preset;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// Every layer has its own loss. Every step compares each context with a fixation and all its
    /// saccades. Contexts learn as well as targets, through the same weights, unless
    /// `update_context = false` or the transport changes this.
    ClappS "clapp_s": "CLAPP-s (synchronous): a hinge loss for every layer, with positives and negatives at once",
    equation: "ΔW = Σ γ · (W_pred c_{t−δ}) · ρ'(a_t) · x_t + Σ γ · (W_predᵀ z_t) · ρ'(a_{t−δ}) · x_{t−δ}",
    citation: "Illing et al. 2021, Equations 5-10",
    modules: "layerwise",
    keys: options::keys(SIXTEEN, "false", DRAWN, SHARED, HINGE, "false"),
    options: {}
}
