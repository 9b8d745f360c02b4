//! The activity that a rule with only one activity uses: a module's output.

use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::plasticity::{RuleUpdate, Signals};
use plasticity_core::representation::Representation;

/// The module's output: the output of the recurrent layer if the module ends in one, else the target.
pub(crate) fn output<'a>(signals: &Signals<'a>) -> &'a Representation {
    signals.context.unwrap_or(signals.target)
}

/// The update from a post factor of the [`output`]. The input of a recurrent layer gets no post factor of its own.
///
/// # Errors
/// If the device has no memory.
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
    Ok(RuleUpdate::new(loss, target).with_context(context).with_own(own))
}

#[cfg(test)]
mod tests {
    use crate::rule::goodness::{ForwardForward, Scff};
    use crate::rule::hebbian::{Bcm, Lpl};
    use crate::rule::supervised::Dfa;
    use crate::rule::views::{ClappPp, InfoNce};
    use crate::testing::{alone, assert_follows_loss, build, context, draws, representation};
    use plasticity_core::device::{Buffer, Device};
    use plasticity_core::plasticity::{ContextSource, RuleSpec, Signals};
    use plasticity_core::random::stream;
    use plasticity_core::representation::{Representation, RepresentationShape};

    #[test]
    fn of_a_recurrent_layer_the_output_learns_and_its_input_gets_nothing() {
        let shape = RepresentationShape { time: 2, location: 1, batch: 4, channel: 5 };
        let below = representation(RepresentationShape { channel: 3, ..shape }, 1);
        let (output, top) = (representation(shape, 2), representation(shape, 3));
        let to = context(below.shape(), shape).with_context(shape);
        let labels = [0, 3, 1, 1];
        let signals =
            Signals::new(&below).with_context(&output).with_top(&top).with_labels(labels.as_slice());
        let specs: [&dyn RuleSpec; 7] = [
            &Lpl::default(),
            &ForwardForward::default(),
            &Scff::default(),
            &Bcm::default(),
            &InfoNce::default(),
            &ClappPp::default(),
            &Dfa::default(),
        ];
        for spec in specs {
            let mut rule = spec.build(&to, &mut stream(1, &[])).unwrap();
            let demands = spec.demands();
            if !demands.labels || demands.context == ContextSource::Same {
                assert_follows_loss(rule.as_mut(), &signals);
            }
            let made = rule.update(&signals, &mut draws()).unwrap();
            let alone = rule
                .update(&Signals::new(&output).with_top(&top).with_labels(labels.as_slice()), &mut draws())
                .unwrap();
            let factor = made.context.unwrap().to_vec().unwrap();
            assert!(factor.iter().any(|value| *value != 0.0), "{spec:?}");
            assert_eq!(factor, alone.target.to_vec().unwrap(), "{spec:?}");
            assert!(made.target.to_vec().unwrap().iter().all(|value| *value == 0.0), "{spec:?}");
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_errors() {
        let device = Device::open().unwrap();
        let shape = RepresentationShape { time: 1, location: 1, batch: 1, channel: 5 };
        let one = Representation::new(shape, Buffer::from_vec(&device, vec![0.0; 5]).unwrap()).unwrap();
        for spec in [&Lpl::default() as &dyn RuleSpec, &ForwardForward::default(), &Scff::default()] {
            assert!(build(spec, shape).update(&alone(&one), &mut draws()).is_err(), "{spec:?}");
        }
    }
}
