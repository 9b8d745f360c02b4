//! Locality in time.

use super::THRESHOLD;
use super::measure::{Bench, combine, largest};
use plasticity_core::Result;

/// The largest number of stimuli with which the context of one stimulus is compared in a step: targets j for which
/// the mixed difference of an update, over the first step in time of stimulus i (a context, never a target) and the
/// last one of stimulus j (a target, never a context), is not zero.
///
/// # Errors
/// Where the network cannot make a step.
pub fn partners(bench: &mut Bench) -> Result<usize> {
    let (batch, last) = (bench.batch(), bench.steps() - 1);
    let one_step = last == 0;
    let plain = bench.plain()?;
    let mut most = 0;
    for context in 0..batch {
        let with_context = bench.updates(&|time, stimulus| time == 0 && stimulus == context, &|_| true)?;
        let mut partners = 0;
        for target in (0..batch).filter(|&target| !(one_step && target == context)) {
            let at_target = move |time: usize, stimulus: usize| time == last && stimulus == target;
            let with_target = bench.updates(&at_target, &|_| true)?;
            let with_both = bench.updates(
                &|time, stimulus| at_target(time, stimulus) || (time == 0 && stimulus == context),
                &|_| true,
            )?;
            let mixed = combine(&[
                (1.0, with_both),
                (-1.0, with_target),
                (-1.0, with_context.clone()),
                (1.0, plain.clone()),
            ]);
            if largest(&mixed, &plain, &|_| true) > THRESHOLD {
                partners += 1;
            }
        }
        most = most.max(partners);
    }
    Ok(most)
}
