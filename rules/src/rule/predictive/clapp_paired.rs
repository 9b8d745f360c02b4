//! `clapp_paired`: CLAPP whose positives and negatives take turns, with several negatives in the one other input.

use super::drawn::{Each, Landing, Negatives, Signs};
use super::options::{self, ALTERNATE, HINGE, OTHER_PLACES, RETRODICTION};
use super::preset::preset;
use crate::score::Bilinear;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::score::Transport;

preset! {
    /// CLAPP with three changes, for stimuli that are presented twice in a step (`training.presentations = 2`).
    ///
    /// - Signs alternate, so each stimulus is once a positive and once a negative before weights change. Activities
    ///   have a part that all stimuli share. A positive moves weights along it in one direction, and a negative in the
    ///   other. With signs that are drawn, the two cancel only on average over many steps; here they cancel in each.
    /// - A negative compares a context with 16 targets at any places of the other input, and not with one: the eye
    ///   scans the stimulus that it has moved to. Only the stimuli before and after the saccade take part.
    /// - W_retro starts as W_predᵀ, as in `clapp_twin`.
    ///
    /// An input is either a positive or a negative, so each update is as local as CLAPP's.
    ClappPaired "clapp_paired": "CLAPP whose positives and negatives alternate, with 16 negatives in one other input",
    equation: "L = mean over positives max(0, 1 − u⁺) + mean over negatives and their 16 targets max(0, 1 + u⁻); ΔW as in CLAPP",
    citation: "introduced here, after Illing et al. 2021, Equations 5-10 and 16-19",
    modules: "layerwise",
    keys: options::keys(OTHER_PLACES, "true", ALTERNATE, RETRODICTION, HINGE, "true"),
    options: {
        negatives: Negatives::OtherSample { each: Each::Input, at: Landing::Any, count: 16 },
        time_local: true,
        signs: Some(Signs::Alternate(1)),
        score: Box::new(Bilinear::from(Transport::Retrodiction)),
        twins: true,
    }
}
