//! The angle between a local update and that of backpropagation, for every layer.
//!
//! The network is built twice with the same weights: with its modules, and as one module with the top module's rule.
//! In the second, backpropagation carries the loss at the top to every layer. Both make one step on the same stimuli
//! with the same draws; the updates are not applied. The angle of a layer is the angle between the two updates of
//! all its parameters,
//!
//! cos = ⟨ΔW_local, ΔW_backprop⟩ / (‖ΔW_local‖ ‖ΔW_backprop‖).
//!
//! In deep linear networks with orthonormal weights and the best prediction weights the angle is zero (Zihan,
//! Delrocq, Gerstner & Bellec 2026). A rule without a loss is compared with its own update at the top, carried down
//! by backpropagation.
//!
//! The second network keeps the layers' own updates and the way in which they pass factors down. So layers that do not
//! follow the gradient are refused, because their network has no backpropagation.

mod along;
mod angle;

pub use along::Along;

use crate::experiment::Experiment;
use crate::network::{Network, Owner, State};
use plasticity_core::device::Device;
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::stimulus::Batch;
use plasticity_core::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The angle of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerAlignment {
    /// `layer.I`, from 0, as in the names of parameters.
    pub name: String,
    /// Cosine of the angle; `None` if one of the two updates is zero.
    pub cosine: Option<f64>,
    /// The angle in degrees, 0 to 180.
    pub degrees: Option<f64>,
}

/// The angles of a config's network on the batch of step `step`: with its initial weights, or with the weights of
/// `state`.
///
/// # Errors
/// If there is no such batch, `state` belongs to another network, a layer does not follow the gradient, or an update is
/// not finite.
pub fn at(
    experiment: &Experiment,
    state: Option<&State>,
    step: u64,
    device: &Device,
) -> Result<Vec<LayerAlignment>> {
    let missing = || Error::stimulus("alignment", format!("there is no batch for step {step}"));
    let host = experiment.loader(step..step + 1)?.next().ok_or_else(missing)??;
    let batch = host.to_device(device)?;
    let make = || -> Result<Network> {
        let mut network = experiment.network(device)?;
        if let Some(state) = state {
            network.restore(state)?;
        }
        Ok(network)
    };
    between(make()?, make()?, &batch, experiment.config().seed, step)
        .map_err(|error| experiment.config().locate(error))
}

/// The angles between the updates of `local` and of the same network, `twin`, trained end to end, with the draws of
/// step `step` of a run with this seed.
///
/// # Errors
/// If the batch does not fit, the two are not the same network, a layer does not follow the gradient, or an update is not
/// finite.
pub fn between(
    mut local: Network,
    twin: Network,
    batch: &Batch,
    seed: u64,
    step: u64,
) -> Result<Vec<LayerAlignment>> {
    if let Some(index) = twin.slots.iter().position(|slot| !slot.layer.follows_gradient()) {
        let message = "does not follow the gradient, so its network has no backpropagation to compare with: with a \
                       recurrent layer set gradient = \"bptt\"; in place of `dtp` use its `layer`";
        return Err(Error::config(format!("encoder.layers.{index}"), message));
    }
    let last = local.modules().len().saturating_sub(1);
    let mut draws = SeededDraws::of_modules(seed, step);
    let ours = updates(&mut local, batch, &mut draws)?;
    // The twin's only module has the draws of the top module. But it prepares stimuli with the draws of the first
    // module.
    let mut prepared = false;
    let mut as_top = |_| {
        let module = if prepared { last } else { 0 };
        prepared = true;
        draws(module)
    };
    let backprop = updates(&mut twin.end_to_end(), batch, &mut as_top)?;
    ours.into_iter()
        .map(|(index, ours)| {
            let name = format!("layer.{index}");
            let theirs =
                backprop.get(&index).filter(|theirs| theirs.len() == ours.len()).ok_or_else(|| {
                    Error::shape("alignment", format!("the end-to-end network has no update for {name}"))
                })?;
            if !ours.iter().chain(theirs).all(|update| update.is_finite()) {
                return Err(Error::diverged(format!("step {step}, {name}"), "an update is not finite"));
            }
            let found = angle::between(&ours, theirs);
            Ok(LayerAlignment { name, cosine: found.map(f64::cos), degrees: found.map(f64::to_degrees) })
        })
        .collect()
}

/// For each layer, the updates of all its parameters in one vector.
fn updates(
    network: &mut Network,
    batch: &Batch,
    draws: &mut dyn FnMut(usize) -> Box<dyn Draws>,
) -> Result<BTreeMap<usize, Vec<f32>>> {
    let mut updates: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    network.step(batch.input.clone(), batch.classes().as_deref(), draws, &mut |mut step| {
        for (name, update) in step.named()? {
            if let Some((Owner::Layer(index), _)) = Owner::of(&name) {
                updates.entry(index).or_default().extend(update);
            }
        }
        Ok(())
    })?;
    Ok(updates)
}
