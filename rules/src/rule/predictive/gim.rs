//! `gim`: Greedy InfoMax.

use super::options::{self, DRAWN, SHARED, SIXTEEN, SOFTMAX};
use super::preset::preset;
use crate::broadcast::Softmax;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// A softmax loss for each of several gradient-isolated modules. If the config names no modules, each layer is one.
    Gim "gim": "Greedy InfoMax: the softmax loss of CPC for every gradient-isolated module",
    equation: "L = −mean log(exp u⁺ / Σ exp u)",
    citation: "Löwe et al. 2019; Illing et al. 2021",
    modules: "layerwise",
    keys: options::keys(SIXTEEN, "false", DRAWN, SHARED, SOFTMAX, "false"),
    options: { broadcast: Box::new(Softmax {}) }
}
