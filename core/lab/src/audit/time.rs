//! Locality in time.

use super::THRESHOLD;
use super::measure::{Bench, Updates, combine, sizes};
use super::span::{Search, Span, largest_in};
use plasticity_core::Result;
use std::collections::BTreeMap;

/// The largest number of stimuli with which the context of one stimulus is compared in a step.
/// These are the stimuli j for which the following mixed difference of a module's update is not
/// zero: over the steps of stimulus i before the module's last step, and over the last step of
/// stimulus j (a target, never a context). `None` if no module has both kinds of steps, or none
/// learns from them.
///
/// # Errors
/// If the network cannot make a step.
pub fn partners(bench: &mut Bench) -> Result<Option<usize>> {
    let mut modules: BTreeMap<Span, Vec<usize>> = BTreeMap::new();
    let mut search = Search::default();
    for module in 0..bench.network.modules().len() {
        if let Some(span) = search.span(bench, module)? {
            modules.entry(span).or_default().push(module);
        }
    }
    let mut most = None;
    for (span, modules) in modules {
        if most != Some(bench.batch()) {
            most = most.max(partners_in(bench, span, &modules)?);
        }
    }
    Ok(most)
}

/// The same for modules with the same span.
fn partners_in(bench: &mut Bench, span: Span, modules: &[usize]) -> Result<Option<usize>> {
    let (batch, one_step) = (bench.batch(), bench.steps() == 1);
    let all = &|_: usize| true;
    let plain = bench.plain()?;
    let less_plain = |updates: &Updates| combine(&[(1.0, updates.clone()), (-1.0, plain.clone())]);
    let mut of_target: Vec<Updates> = Vec::new();
    for target in 0..batch {
        of_target.push(bench.updates(&|time, one| time >= span.targets && one == target, all)?);
    }
    let mut partners = vec![vec![0; batch]; modules.len()];
    let mut moved = vec![[false; 2]; modules.len()];
    for context in 0..batch {
        let of_context = bench.updates(&|time, one| time < span.contexts && one == context, all)?;
        for (place, &module) in modules.iter().enumerate() {
            for (moved, after) in moved[place].iter_mut().zip([&of_context, &of_target[context]]) {
                let sizes = sizes([&plain, after].into_iter());
                *moved |= largest_in(bench, module, &less_plain(after), &sizes) > THRESHOLD;
            }
        }
        for target in (0..batch).filter(|&target| !(one_step && target == context)) {
            let of_both = bench.updates(
                &|time, one| {
                    (time >= span.targets && one == target) || (time < span.contexts && one == context)
                },
                all,
            )?;
            let sizes = sizes([&plain, &of_both, &of_context, &of_target[target]].into_iter());
            let mixed = combine(&[
                (1.0, of_both),
                (-1.0, of_context.clone()),
                (-1.0, of_target[target].clone()),
                (1.0, plain.clone()),
            ]);
            for (place, &module) in modules.iter().enumerate() {
                partners[place][context] +=
                    usize::from(largest_in(bench, module, &mixed, &sizes) > THRESHOLD);
            }
        }
    }
    let measured = partners.into_iter().zip(moved).filter(|(_, moved)| *moved == [true; 2]);
    Ok(measured.map(|(partners, _)| partners.into_iter().max().unwrap_or(0)).max())
}
