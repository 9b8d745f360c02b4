//! Loss and γ of a signal by automatic differentiation of its loss.

use super::{BroadcastSignal, Modulation};
use crate::device::Buffer;
use crate::error::Result;
use crate::pairs::{Pairs, Scores};
use crate::taped::Tape;

/// Loss and γ = −∂L/∂u.
///
/// # Errors
/// If the signal refuses.
pub fn modulation<B: BroadcastSignal + ?Sized>(
    signal: &B,
    scores: &Scores,
    pairs: &Pairs,
) -> Result<Modulation> {
    let device = scores.values.device();
    let leaf = Tape::new(device).leaf(&scores.values, 0, scores.rows, scores.columns)?;
    let loss = signal.loss(&leaf, pairs)?;
    let value = Buffer::from_vec(device, vec![loss.value()?])?;
    let values = loss.backward()?.downhill(&leaf)?;
    Ok(Modulation::new(value, Scores { values, rows: scores.rows, columns: scores.columns }))
}
