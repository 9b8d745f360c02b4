//! `hinge_cpc`: Hinge Loss CPC.

use super::options::{self, DRAWN, HINGE, SHARED, SIXTEEN};
use super::preset::preset;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// CLAPP's loss at the top, with gradients through all layers.
    HingeCpc "hinge_cpc": "Hinge Loss CPC: CLAPP's loss at the top, gradients through all layers",
    equation: "L = mean max(0, 1 − u⁺) + mean max(0, 1 + u⁻)",
    citation: "Illing et al. 2021, Equation 5",
    modules: "end_to_end",
    keys: options::keys(SIXTEEN, "false", DRAWN, SHARED, HINGE, "false"),
    options: {}
}
