//! `clapp`: Contrastive, Local And Predictive Plasticity.

use super::drawn::Negatives;
use super::options::{self, DRAWN, HINGE, OTHER, RETRODICTION};
use super::preset::preset;
use crate::score::Bilinear;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::score::Transport;

preset! {
    /// Local in space and time: an input is either a fixation or a saccade, and no weight is used in both directions.
    ///
    /// Its loss is the sum of two hinge losses, one for W_pred and one for W_retro. So its trivial value is 4; for a
    /// rule with one matrix it is 2.
    Clapp "clapp": "CLAPP: local in space and time; each input is a positive or a negative; separate \
                    retrodiction weights",
    equation: "ΔW = Σ γ_pred · (W_pred c_{t−δ}) · ρ'(a_t) · x_t + Σ γ_retro · (W_retro z_t) · ρ'(a_{t−δ}) · x_{t−δ}; L = L_pred + L_retro",
    citation: "Illing et al. 2021, Equations 5-10 and 16-19",
    modules: "layerwise",
    keys: options::keys(OTHER, "true", DRAWN, RETRODICTION, HINGE, "false"),
    options: {
        negatives: Negatives::OTHER_SAMPLE,
        time_local: true,
        score: Box::new(Bilinear::from(Transport::Retrodiction)),
    }
}
