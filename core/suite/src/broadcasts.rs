//! Checks of every broadcast signal: γ is −∂L/∂u of its loss, if it follows one.

use super::Found;
use super::compare::{agree, noise, random};
use plasticity_core::Result;
use plasticity_core::broadcast::{BroadcastSpec, autodiff};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::pairs::{Pairs, Scores};

const ROWS: usize = 6;

/// Checks a signal on sampled pairs, on all pairs, and on pairs with signs.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn BroadcastSpec>, found: &mut Found) {
    for (what, signs, all) in [
        ("sampled pairs", None, false),
        ("all pairs", None, true),
        ("time-local pairs", Some(vec![1, -1, -1, 1, -1, -1]), false),
        ("time-local pairs, the same in every batch", Some(vec![-1, 1]), false),
        ("time-local pairs without a positive", Some(vec![-1; ROWS]), false),
    ] {
        // Scores of exactly 0 come from silent neurons.
        for scale in [0.0, 2.0, 1e4] {
            found.run(what, |found| {
                let index = (0..ROWS as u32 * 2).map(|i| i * 5 % ROWS as u32).collect();
                let device = Device::open()?;
                let mut pairs = if all { Pairs::all(ROWS) } else { Pairs::sampled(&device, ROWS, 2, index)? };
                let local = signs.is_some();
                if let Some(signs) = &signs {
                    pairs = pairs.time_local(&device, signs)?;
                }
                one(spec.as_ref(), &pairs, scale, what, found).or_else(|error| {
                    // Rules do not give time-local pairs to a signal that says that it does not work with them.
                    if local && !spec.time_local() { Ok(()) } else { Err(error) }
                })
            });
        }
    }
}

fn one(spec: &dyn BroadcastSpec, pairs: &Pairs, scale: f32, what: &str, found: &mut Found) -> Result<()> {
    let device = Device::open()?;
    let mut signal = spec.build()?;
    let columns = pairs.columns();
    let values = noise(&mut random(8), ROWS * columns).into_iter().map(|u| u * scale).collect();
    let scores = Scores { values: Buffer::from_vec(&device, values)?, rows: ROWS, columns };
    let ours = signal.modulation(&scores, pairs)?;
    let values = ours.gamma.values.to_vec()?;
    if values.len() != ROWS * columns || values.iter().any(|value| !value.is_finite()) {
        found.add(format!(
            "{what}: γ is not finite, or there is not one for each pair, at scores up to {scale}"
        ));
    }
    if !signal.follows_loss() {
        return Ok(());
    }
    let plain = autodiff::modulation(signal.as_ref(), &scores, pairs)?;
    agree(found, &format!("{what}, scores up to {scale}: loss"), &ours.loss, &plain.loss)?;
    agree(found, &format!("{what}, scores up to {scale}: γ"), &ours.gamma.values, &plain.gamma.values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::Error;
    use plasticity_core::broadcast::BroadcastSignal;
    use plasticity_core::taped::{Matrix, Scalar};

    /// Refuses time-local pairs, and says so or does not.
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Whole {
        says_so: bool,
    }

    #[typetag::serde(name = "whole_for_the_suite")]
    impl BroadcastSpec for Whole {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }

        fn time_local(&self) -> bool {
            !self.says_so
        }
    }

    impl BroadcastSignal for Whole {
        fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
            if pairs.signs.is_some() {
                return Err(Error::shape("whole", "cannot be time-local"));
            }
            Ok(scores.sum())
        }
    }

    #[test]
    fn a_signal_that_refuses_time_local_pairs_must_say_so() {
        for says_so in [true, false] {
            let spec: Box<dyn BroadcastSpec> = Box::new(Whole { says_so });
            let mut found = Found::default();
            check(&spec, &mut found);
            assert_eq!(found.0.is_empty(), says_so, "{:?}", found.0);
        }
    }
}
