//! `cpc`: Contrastive Predictive Coding.

use super::options::{self, DRAWN, SHARED, SIXTEEN, SOFTMAX};
use super::preset::preset;
use crate::broadcast::Softmax;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// One softmax loss at the top; the layers share one module, so that gradients reach all of them.
    Cpc "cpc": "Contrastive Predictive Coding: a softmax loss at the top, gradients through all layers",
    equation: "L = −mean log(exp u⁺ / Σ exp u)",
    citation: "van den Oord et al. 2018; Illing et al. 2021, Equation 2",
    modules: "end_to_end",
    keys: options::keys(SIXTEEN, "false", DRAWN, SHARED, SOFTMAX, "false"),
    options: { broadcast: Box::new(Softmax {}) }
}
