//! Weight transport.

use super::measure::{Bench, combine, largest};
use plasticity_core::Result;

/// The largest change, when one of a rule's weights changes, of the update on the side on which the weight's
/// presynaptic neurons are: contexts for `predict`, targets for `retrodict` and for read-outs. A weight that only
/// predicts leaves its presynaptic neurons alone; one that also carries a signal back to them does not.
///
/// Sides are told apart by what is shown: with only the first step in time shown, the first layer's weights learn as
/// those of contexts, with only the last one as those of targets.
///
/// # Errors
/// Where the network cannot make a step.
pub fn backward_use(bench: &mut Bench) -> Result<f64> {
    let last = bench.steps() - 1;
    let mut worst: f64 = 0.0;
    for predict in [true, false] {
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
        let of: super::measure::Updates = plain.iter().filter(|(name, _)| weights(name)).map(own).collect();
        let now = after.iter().filter(|(name, _)| weights(name)).map(own).collect();
        let change = combine(&[(1.0, now), (-1.0, of.clone())]);
        worst = worst.max(largest(&change, &of, &|_| true));
    }
    Ok(worst)
}

fn own((name, values): (&String, &Vec<f64>)) -> (String, Vec<f64>) {
    (name.clone(), values.clone())
}
