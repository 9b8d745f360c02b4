//! Locality in space.

use super::measure::{Bench, Updates, combine, largest, norm, owner};
use crate::network::Owner;
use plasticity_core::Result;
use plasticity_core::plasticity::ContextSource;

/// The largest change of a layer's update when weights of layers above it in the network change. If a rule's context
/// is the representation of another module, it arrives through a dendrite; then only layers of the same module are
/// changed.
///
/// # Errors
/// If the network cannot make a step.
pub fn other_layers(bench: &mut Bench) -> Result<f64> {
    let plain = bench.plain()?;
    let modules: Vec<_> = bench.network.modules().iter().map(|module| module.layers()).collect();
    let own_context = bench.network.modules().iter().all(|module| module.context() == ContextSource::Same);
    let mut worst: f64 = 0.0;
    for layers in &modules {
        for layer in layers.clone() {
            let reach = if own_context { usize::MAX } else { layers.end };
            let changed = |name: &str| match Owner::of(name) {
                Some((Owner::Layer(index), _)) => index > layer && index < reach,
                Some((Owner::Module(index), _)) => {
                    own_context && modules.get(index).is_some_and(|other| other != layers)
                }
                None => false,
            };
            let before = bench.change(&mut |name, _, values| {
                if changed(name) {
                    values
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, value)| *value *= if i % 2 == 0 { 1.5 } else { 0.7 });
                }
            })?;
            let after = bench.plain()?;
            bench.put_back(&before)?;
            let own = format!("layer.{layer}");
            let change = combine(&[(1.0, after), (-1.0, plain.clone())]);
            worst = worst.max(largest(&change, &plain, &|one| one == own));
        }
    }
    Ok(worst)
}

/// The largest mixed difference of an update over three stimuli, minus the noise floor; `None` if nothing changes.
///
/// # Errors
/// If the network cannot make a step.
pub fn third_stimulus(bench: &mut Bench) -> Result<Option<f64>> {
    let mut worst: f64 = 0.0;
    if norm(&bench.plain()?, &|_| true) == 0.0 {
        return Ok(None);
    }
    for first in 0..bench.batch() - 2 {
        let (mixed, sizes) = bench.mixed_difference(first)?;
        worst = worst.max(bench.beyond_rounding(&mixed, &sizes, &|_| true));
    }
    Ok(Some(worst))
}

/// The largest change of other neurons' updates when a neuron of a module's last layer, cut off from every dendrite,
/// changes its activity. If a rule's context is the representation of another module, only the top module is
/// measured: a neuron of a lower module affects that context through the layers above, and the context arrives
/// through dendrites. `None` if no such layer learns, or none has its neurons as the first axis of its `weight`.
///
/// # Errors
/// If the network cannot make a step.
pub fn disconnected_neuron(bench: &mut Bench) -> Result<Option<f64>> {
    let modules = bench.network.modules();
    let own_context = modules.iter().all(|module| module.context() == ContextSource::Same);
    let lowest = if own_context { 0 } else { modules.len().saturating_sub(1) };
    let modules: Vec<_> = modules.iter().skip(lowest).map(|module| module.layers()).collect();
    let mut worst: Option<f64> = None;
    for layers in modules {
        let layer = layers.end - 1;
        let Some(channels) = channels(bench, layer) else { continue };
        let neuron = channels / 2;
        let before = bench.change(&mut |name, shape, values| {
            if name.starts_with("module.") && shape.len() == 2 {
                cut(shape, values, neuron, channels);
            }
        })?;
        let plain = bench.plain()?;
        let weights = format!("layer.{layer}.");
        bench.change(&mut |name, shape, values| {
            if name.starts_with(&weights) && shape.first() == Some(&channels) {
                let each = values.len() / channels;
                values[neuron * each..(neuron + 1) * each]
                    .iter_mut()
                    .for_each(|value| *value = -1.7 * *value + 0.05);
            }
        })?;
        let after = bench.plain()?;
        bench.put_back(&before)?;
        let change = without(combine(&[(1.0, after), (-1.0, plain.clone())]), layer, neuron, channels);
        let size = norm(&plain, &|name| owner(name) == format!("layer.{layer}"));
        if size > 0.0 {
            let change = norm(&change, &|name| owner(name) == format!("layer.{layer}")) / size;
            worst = Some(worst.map_or(change, |worst| worst.max(change)));
        }
    }
    Ok(worst)
}

/// The number of a layer's outputs: the first axis of its `weight`, if it has one.
pub(super) fn channels(bench: &mut Bench, layer: usize) -> Option<usize> {
    let wanted = format!("layer.{layer}.weight");
    let parameters = bench.network.parameters();
    parameters
        .iter()
        .find(|(name, _)| *name == wanted)
        .and_then(|(_, parameter)| parameter.shape().first().copied())
}

/// Sets to zero the rows and columns of a `[a, b]` weight that belong to a neuron of `channels`. If an axis has
/// several values for each neuron (pooled blocks), all of them are set to zero.
fn cut(shape: &[usize], values: &mut [f32], neuron: usize, channels: usize) {
    let columns = shape[1];
    let of_neuron = |index: usize, length: usize| {
        length.is_multiple_of(channels) && index / (length / channels) == neuron
    };
    for (place, value) in values.iter_mut().enumerate() {
        if of_neuron(place / columns, shape[0]) || of_neuron(place % columns, columns) {
            *value = 0.0;
        }
    }
}

/// A change without the neuron's own synapses.
pub(super) fn without(mut change: Updates, layer: usize, neuron: usize, channels: usize) -> Updates {
    for (name, values) in &mut change {
        if owner(name) == format!("layer.{layer}") && values.len().is_multiple_of(channels) {
            let each = values.len() / channels;
            values[neuron * each..(neuron + 1) * each].fill(0.0);
        }
    }
    change
}
