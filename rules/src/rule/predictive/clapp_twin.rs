//! `clapp_twin`: CLAPP with equal initial prediction and retrodiction weights, which stay equal for equal pairs.

use super::drawn::Negatives;
use super::options::{self, DRAWN, HINGE, OTHER, RETRODICTION};
use super::preset::preset;
use crate::score::Bilinear;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::score::Transport;

preset! {
    /// CLAPP with W_retro = W_predᵀ at the start and no other change.
    ///
    /// The synapse of W_pred from neuron k to neuron j and that of W_retro from j to k see the same two activities and the same
    /// fixation or saccade: ΔW_pred = γ z cᵀ and ΔW_retro = γ' c zᵀ. While W_retro = W_predᵀ, both have
    /// the same score, so γ' = γ and ΔW_retro = ΔW_predᵀ. So they stay equal, up to rounding, and no
    /// weight is sent anywhere while the network learns. Weights that differ at the start stay different:
    /// nothing in Equations 16 to 19 makes them equal, and the context's neurons then learn from other
    /// signals than the target's.
    ///
    /// Random negatives are drawn for each of the two, so with them they drift apart.
    ///
    /// It requires something of development: two neurons' synapses onto each other must start equally strong.
    ClappTwin "clapp_twin": "CLAPP with W_retro = W_predᵀ at the start; the two stay equal without weight transport",
    equation: "W_retro = W_predᵀ at the start; ΔW_pred = γ z cᵀ, ΔW_retro = γ c zᵀ, hence W_retro = W_predᵀ for the same pairs; ΔW as in CLAPP",
    citation: "introduced here, after Illing et al. 2021, Equations 16-19, and Kolen & Pollack 1994",
    modules: "layerwise",
    keys: options::keys(OTHER, "true", DRAWN, RETRODICTION, HINGE, "true"),
    options: {
        negatives: Negatives::OTHER_SAMPLE,
        time_local: true,
        score: Box::new(Bilinear::from(Transport::Retrodiction)),
        twins: true,
    }
}
