//! Closed forms against automatic differentiation.

use super::*;
use crate::testing::{assert_follows_loss, context, representation};
use plasticity_core::plasticity::{ContextSource, RuleSpec, Signals};
use plasticity_core::random::stream;
use plasticity_core::representation::RepresentationShape;

fn shape(channel: usize) -> RepresentationShape {
    RepresentationShape { time: 1, location: 2, batch: 8, channel }
}

#[test]
fn clapp_pp_follows_its_loss_with_every_context() {
    for source in [ContextSource::Same, ContextSource::Top, ContextSource::Both] {
        for negatives in [1, 3] {
            let spec = ClappPp { context: source, negatives, ..ClappPp::default() };
            let mut rule = spec.build(&context(shape(5), shape(3)), &mut stream(1, &[])).unwrap();
            let (target, top) = (representation(shape(5), 1), representation(shape(3), 2));
            let signals = Signals { target: &target, context: None, top: Some(&top), labels: None };
            assert_follows_loss(rule.as_mut(), &signals);
        }
    }
}

#[test]
fn infonce_follows_its_loss() {
    let mut rule = InfoNce { temperature: 0.3, ..InfoNce::default() }
        .build(&context(shape(5), shape(5)), &mut stream(1, &[]))
        .unwrap();
    let target = representation(shape(5), 1);
    let signals = Signals { target: &target, context: None, top: None, labels: None };
    assert_follows_loss(rule.as_mut(), &signals);
}

#[test]
fn values_out_of_range_are_errors_that_name_the_key() {
    let to = context(shape(5), shape(5));
    let message = |spec: &dyn RuleSpec| match spec.build(&to, &mut stream(1, &[])) {
        Ok(_) => panic!("was built"),
        Err(error) => error.to_string(),
    };
    let above = ClappPp { context: ContextSource::Above, ..ClappPp::default() };
    assert!(message(&above).starts_with("context: "));
    assert!(message(&ClappPp { pool: Pool::Each(vec![1]), ..ClappPp::default() }).starts_with("pool: "));
}

#[test]
fn configs_name_pools_as_a_number_or_a_list() {
    let spec: ClappPpBackprop = toml::from_str("pool = 2\ncontext = \"top\"").unwrap();
    assert_eq!((spec.0.pool, spec.0.context), (Pool::Same(2), ContextSource::Top));
    let spec: ClappPp = toml::from_str("pool = [8, 4, 0]").unwrap();
    assert_eq!(spec.pool, Pool::Each(vec![8, 4, 0]));
    assert!(toml::from_str::<ClappPp>("pools = 2").is_err());
}
