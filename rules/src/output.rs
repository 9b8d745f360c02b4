//! What rules of a single activity work on: a module's output.

use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::plasticity::{RuleUpdate, Signals};
use plasticity_core::representation::Representation;

/// The module's output: that of the recurrent layer, where the module ends in one, and else the target.
pub(crate) fn output<'a>(signals: &Signals<'a>) -> &'a Representation {
    signals.context.unwrap_or(signals.target)
}

/// The update by a post factor of the [`output`]; the input of a recurrent layer gets none of its own.
///
/// # Errors
/// Where the device has no room.
pub(crate) fn update(
    signals: &Signals,
    loss: Buffer,
    factor: Buffer,
    own: Vec<Buffer>,
) -> Result<RuleUpdate> {
    let target = signals.target.data();
    let (target, context) = match signals.context {
        Some(_) => (Buffer::zeros(target.device(), target.len())?, Some(factor)),
        None => (factor, None),
    };
    Ok(RuleUpdate { loss, target, context, own, lateral: None })
}
