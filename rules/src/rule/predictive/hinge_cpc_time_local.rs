//! `hinge_cpc_time_local`: Hinge Loss CPC with either a fixation or a saccade in a step.

use super::drawn::Negatives;
use super::options::{self, DRAWN, HINGE, OTHER, SHARED};
use super::preset::preset;
use plasticity_core::plasticity::RuleSpec;

preset! {
    /// Hinge Loss CPC whose inputs are either a fixation or a saccade: local in time, not in space.
    HingeCpcTimeLocal "hinge_cpc_time_local": "Time-local Hinge Loss CPC: each input is a positive or a \
                                               negative, never both",
    equation: "L = mean over positives max(0, 1 − u⁺) + mean over negatives max(0, 1 + u⁻)",
    citation: "Illing et al. 2021, Section 4",
    modules: "end_to_end",
    keys: options::keys(OTHER, "true", DRAWN, SHARED, HINGE, "false"),
    options: { negatives: Negatives::OTHER_SAMPLE, time_local: true }
}
