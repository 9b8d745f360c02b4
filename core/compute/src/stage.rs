//! Spans of a step's stages, for `plasticity bench --profile`. If nothing subscribes to them, they cost nothing.
//!
//! All have the target [`TARGET`], the level debug and a field `stage`. Spans of layers and modules also have a
//! `part`, to which the [`kernel`]s inside them belong. A kernel has a `work`.

use std::time::{Duration, Instant};
use tracing::{Span, debug, debug_span};

/// The target of the spans.
pub const TARGET: &str = "plasticity::stage";

/// A stage of the layer `name`.
pub fn layer(name: &str, stage: &'static str) -> Span {
    debug_span!(target: TARGET, "layer", stage, part = format_args!("layer {name}"))
}

/// A stage of the module `index`, counted from 0.
pub fn module(index: usize, stage: &'static str) -> Span {
    debug_span!(target: TARGET, "module", stage, part = format_args!("module {}", index + 1))
}

/// A layer's arithmetic, as `multiplications` of the plain algorithm.
pub fn kernel(stage: &'static str, multiplications: usize) -> Span {
    debug_span!(target: TARGET, "kernel", stage, work = multiplications as u64)
}

/// Reports a communication for the module `index` that ran in parallel with training: an event with a `stage`,
/// how many nanoseconds ago it began (`ago`) and how many it took (`took`).
pub fn communicated(index: usize, stage: &'static str, began: Instant, took: Duration) {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let (ago, took) = (nanoseconds(began.elapsed()), nanoseconds(took));
    debug!(target: TARGET, stage, ago, took, part = format_args!("module {}", index + 1));
}
