//! Weight transport.

use super::measure::{Bench, Updates, combine, largest};
use super::space::{channels, without};
use plasticity_core::Result;

/// The largest change, when one of a rule's weights changes, of the update on the side on which the weight's
/// presynaptic neurons are: contexts for `predict`, targets for `retrodict` and for read-outs. A weight that only
/// predicts leaves its presynaptic neurons alone; one that also carries a signal back to them does not.
///
/// Sides are told apart by what is shown: with only the first step in time shown, the first layer's weights learn as
/// those of contexts, with only the last one as those of targets. Where there is one step in time (two views), every
/// stimulus is both, and neurons tell the sides apart: see [`of_other_neurons`].
///
/// # Errors
/// Where the network cannot make a step.
pub fn backward_use(bench: &mut Bench) -> Result<f64> {
    let last = bench.steps() - 1;
    let mut worst: f64 = 0.0;
    if last == 0 {
        worst = of_other_neurons(bench)?;
    }
    for predict in [true, false].into_iter().filter(|&predict| !(predict && last == 0)) {
        let (first_shown, last_shown) = if predict { (0, 0) } else { (last, last) };
        let shown = move |time: usize| (first_shown..=last_shown).contains(&time);
        let plain = bench.updates(&|_, _| false, &shown)?;
        let before = bench.change(&mut |name, shape, values| {
            let own = name.starts_with("module.0.") && shape.len() == 2;
            if own && name.contains(".predict.") == predict {
                values
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, value)| *value *= if i % 2 == 0 { 1.01 } else { 0.99 });
            }
        })?;
        let after = bench.updates(&|_, _| false, &shown)?;
        bench.put_back(&before)?;
        let weights = |name: &str| name == "layer.0.weight";
        let of: Updates = plain.iter().filter(|(name, _)| weights(name)).map(own).collect();
        let now = after.iter().filter(|(name, _)| weights(name)).map(own).collect();
        let change = combine(&[(1.0, now), (-1.0, of.clone())]);
        worst = worst.max(largest(&change, &of, &|_| true));
    }
    Ok(worst)
}

/// The largest change of all other neurons' updates when the prediction weights onto one neuron change: its own
/// dendrite carries them to it alone, and whatever reaches the neurons that they come from has gone back through them.
/// Exact where small changes of a score leave γ as it is, as under a hinge.
fn of_other_neurons(bench: &mut Bench) -> Result<f64> {
    let modules: Vec<_> = bench.network.modules().iter().map(|module| module.layers()).collect();
    let plain = bench.plain()?;
    let mut worst: f64 = 0.0;
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
            updates.iter().filter(|(name, _)| **name == weights).map(own).collect()
        };
        let change = combine(&[(1.0, only(&after)), (-1.0, only(&plain))]);
        let others = without(change, layer, neuron, channels);
        worst = worst.max(largest(&others, &only(&plain), &|_| true));
    }
    Ok(worst)
}

fn own((name, values): (&String, &Vec<f64>)) -> (String, Vec<f64>) {
    (name.clone(), values.clone())
}
