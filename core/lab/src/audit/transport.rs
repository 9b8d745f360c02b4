//! Weight transport.

use super::measure::{Bench, Updates, combine, largest, norm, owner};
use super::space::{channels, without};
use super::span::Search;
use plasticity_core::Result;
use std::collections::BTreeSet;

/// Changes each learning weight of a rule, and returns the largest change of the update on the side of the weight's
/// presynaptic neurons. This side is the context for `predict`, the target for `retrodict`, and for other weights
/// (classifiers, weights of a custom rule) the side that changes less. A weight that only predicts does not change the
/// updates of its presynaptic neurons; a weight that also carries a signal back to them does. Weights that do not
/// learn are left out, because fixed random feedback works in one direction.
///
/// The audit separates the sides by the shown steps. If only the first step in time is shown, the first layer's
/// weights learn as weights of contexts; if only the last one is shown, as weights of targets. With one step in time
/// (two views), every stimulus is both, and the sides are separated by neurons: see [`of_other_neurons`].
///
/// `None` if there are such weights, but no step of the input reaches only the first or only the last step.
///
/// # Errors
/// If the network cannot make a step.
pub fn backward_use(bench: &mut Bench) -> Result<Option<f64>> {
    let one_step = bench.steps() == 1;
    let mut worst = if one_step { of_other_neurons(bench)? } else { Some(0.0) };
    let (learning, mut search) = (bench.learning(), Search::default());
    for (kind, sides) in [
        (Some("predict"), &[Side::Contexts][..]),
        (Some("retrodict"), &[Side::Targets]),
        (None, &[Side::Contexts, Side::Targets]),
    ] {
        let own = |name: &str| kind_of(name) == Some(kind) && learning.contains(name);
        let mut sides = sides.iter().filter(|&&side| !(one_step && side == Side::Contexts)).peekable();
        if sides.peek().is_none() || !learning.iter().any(|name| own(name)) {
            continue;
        }
        let mut least = Some(f64::INFINITY);
        for side in sides {
            let change = match side {
                Side::Contexts => {
                    let end = search.first_contexts(bench, 0)?;
                    end.map(|end| on_the_side(bench, &own, &|time| time < end)).transpose()?
                }
                Side::Targets => {
                    let span = search.span(bench, 0)?;
                    span.map(|span| on_the_side(bench, &own, &|time| time >= span.targets)).transpose()?
                }
            };
            least = least.zip(change.flatten()).map(|(least, change)| least.min(change));
        }
        worst = worst.zip(least).map(|(worst, least)| worst.max(least));
    }
    Ok(worst)
}

/// The largest change of the factor that a layer of a module passes down, when a weight of its forward pass changes and
/// the activity stays. `None` if every module has one layer.
///
/// # Errors
/// If the network cannot be run.
pub fn down_through_layers(bench: &mut Bench) -> Result<Option<f64>> {
    let input = bench.input(&|_, _| false, &|_| true)?;
    bench.network.down_through_weights(&input)
}

/// The side of a pair on which a weight's presynaptic neurons may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Contexts,
    Targets,
}

/// `predict` or `retrodict` of a weight of the first module's rule, or neither; `None` for all other parameters.
fn kind_of(name: &str) -> Option<Option<&'static str>> {
    let name = name.strip_prefix("module.0.")?;
    Some(["predict", "retrodict"].into_iter().find(|kind| name.split('.').next() == Some(kind)))
}

/// The change of the update of the first layer's weights, with only some steps shown, when the weights `own` change.
/// `None` if the first layer has no weights, or they do not learn from the shown steps.
fn on_the_side(
    bench: &mut Bench,
    own: &dyn Fn(&str) -> bool,
    shown: &dyn Fn(usize) -> bool,
) -> Result<Option<f64>> {
    let plain = bench.updates(&|_, _| false, shown)?;
    if norm(&plain, own) == 0.0 {
        return Ok(None);
    }
    let before = bench.change(&mut |name, shape, values| {
        if own(name) && shape.len() == 2 {
            values
                .iter_mut()
                .enumerate()
                .for_each(|(i, value)| *value *= if i % 2 == 0 { 1.01 } else { 0.99 });
        }
    })?;
    let after = bench.updates(&|_, _| false, shown)?;
    bench.put_back(&before)?;
    // Biases also learn from steps that are not shown.
    let parameters = bench.network.parameters().into_iter();
    let first: BTreeSet<String> = parameters
        .filter(|(name, parameter)| owner(name) == "layer.0" && parameter.shape().len() > 1)
        .map(|(name, _)| name)
        .collect();
    let only = |updates: Updates| -> Updates {
        updates.into_iter().filter(|(name, _)| first.contains(name)).collect()
    };
    if first.is_empty() {
        return Ok(None);
    }
    // A side that does not learn receives no signal back.
    let (plain, after) = (only(plain), only(after));
    let of = if norm(&plain, &|_| true) > 0.0 { plain.clone() } else { after.clone() };
    let change = combine(&[(1.0, after), (-1.0, plain)]);
    Ok(Some(largest(&change, &of, &|_| true)))
}

/// The largest change of all other neurons' updates when the prediction weights onto one neuron change. These weights
/// end on the dendrite of this neuron. So if the update of another neuron changes, a signal has gone back through
/// them. This is exact if small changes of a score do not change γ, as with a hinge. `None` if rules have such
/// weights, but no layer has its neurons as the first axis of its `weight`.
fn of_other_neurons(bench: &mut Bench) -> Result<Option<f64>> {
    let modules: Vec<_> = bench.network.modules().iter().map(|module| module.layers()).collect();
    if !bench.learning().iter().any(|name| name.starts_with("module.") && name.contains(".predict.")) {
        return Ok(Some(0.0));
    }
    let plain = bench.plain()?;
    let mut worst: Option<f64> = None;
    for (module, layers) in modules.into_iter().enumerate() {
        let layer = layers.end - 1;
        let Some(channels) = channels(bench, layer) else { continue };
        let (neuron, predict) = (channels / 2, format!("module.{module}.predict."));
        let before = bench.change(&mut |name, shape, values| {
            let blocks = shape.first().map_or(0, |rows| rows / channels);
            if name.starts_with(&predict) && shape.len() == 2 && blocks > 0 {
                let rows = neuron * blocks * shape[1]..(neuron + 1) * blocks * shape[1];
                for (place, value) in values[rows].iter_mut().enumerate() {
                    *value *= if place % 2 == 0 { 1.01 } else { 0.99 };
                }
            }
        })?;
        let after = bench.plain()?;
        bench.put_back(&before)?;
        let weights = format!("layer.{layer}.weight");
        let only = |updates: &Updates| -> Updates {
            updates.iter().filter(|(name, _)| **name == weights).map(copy).collect()
        };
        let change = combine(&[(1.0, only(&after)), (-1.0, only(&plain))]);
        let others = without(change, layer, neuron, channels);
        let change = largest(&others, &only(&plain), &|_| true);
        worst = Some(worst.map_or(change, |worst| worst.max(change)));
    }
    Ok(worst)
}

fn copy((name, values): (&String, &Vec<f64>)) -> (String, Vec<f64>) {
    (name.clone(), values.clone())
}
