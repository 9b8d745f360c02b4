//! `clapp_paired`: with every stimulus presented twice, its update is that of a rule for which every stimulus is a
//! positive and a negative at once, although each input is only one of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Draws, SeededDraws, Side};
use plasticity_core::plasticity::{RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_rules as _;
use rand::RngExt;

const STIMULI: usize = 5;
const SHAPE: RepresentationShape = RepresentationShape { time: 6, location: 2, batch: STIMULI, channel: 4 };
const STEPS: usize = 2;
const COUNT: usize = 16;
/// Without gates, every pair counts.
const OPEN: &str =
    "type = \"clapp_paired\"\nprediction_steps = 1\nbroadcast = { type = \"hinge\", gate = false }";

/// Draws that depend on stimuli and not on how often each is presented.
struct OfStimuli(SeededDraws, usize);

impl Draws for OfStimuli {
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32> {
        self.0.negatives(side, step, rows, count)
    }

    /// The stimulus two further on.
    fn others(&mut self, _: Side, _: usize, batch: usize) -> Vec<u32> {
        assert_eq!(batch, STIMULI);
        (0..batch as u32).map(|own| (own + 2) % batch as u32).collect()
    }

    fn landings(&mut self, side: Side, step: usize, rows: usize, places: usize) -> Vec<u32> {
        let presentations = self.1;
        let drawn = self.0.landings(side, step, rows / presentations, places);
        let of = |row: &[u32]| row.repeat(presentations);
        drawn.chunks(COUNT).flat_map(of).collect()
    }

    fn signs(&mut self, _: Side, _: usize) -> Vec<i8> {
        panic!("signs alternate: none is drawn")
    }

    fn random(&mut self, what: u64) -> Random {
        self.0.random(what)
    }
}

/// The update for stimuli that are presented this often, one presentation after another.
fn update(toml: &str, presentations: usize) -> RuleUpdate {
    let shape = RepresentationShape { batch: STIMULI * presentations, ..SHAPE };
    let device = Device::open().unwrap();
    let spec: Box<dyn RuleSpec> = toml::from_str(&format!("{toml}\nprediction_steps = {STEPS}")).unwrap();
    let mut rule = spec.build(&Site::new(&device, shape), &mut stream(1, &[])).unwrap();
    for parameter in rule.parameters() {
        let values: Vec<_> = parameter.get().unwrap().iter().map(|value| 4.0 * value).collect();
        parameter.set(&values).unwrap();
    }
    let mut random = stream(2, &[]);
    let values: Vec<f32> = (0..SHAPE.len()).map(|_| random.random_range(0.0..1.0)).collect();
    let presented = values.chunks(SHAPE.channel).flat_map(|row| row.repeat(presentations)).collect();
    let target = Representation::new(shape, Buffer::from_vec(&device, presented).unwrap()).unwrap();
    let draws = SeededDraws { seed: 3, step: 4, module: 0 };
    rule.update(&Signals::new(&target), &mut OfStimuli(draws, presentations)).unwrap()
}

fn values(buffer: &Buffer) -> Vec<f32> {
    buffer.to_vec().unwrap()
}

fn close(place: &str, ours: &[f32], expected: &[f32]) {
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let error = length(&mut ours.iter().zip(expected).map(|(a, b)| a - b));
    let size = length(&mut expected.iter().copied());
    assert!(ours.len() == expected.len() && size > 0.0 && error <= 1e-5 * size, "{place}: {error} of {size}");
}

#[test]
fn two_presentations_learn_as_one_that_is_a_positive_and_a_negative_at_once() {
    let paired = update("type = \"clapp_paired\"", 2);
    let at_once = update("type = \"clapp_paired\"\ntime_local = false\nsigns = \"drawn\"\ntwins = true", 1);
    close("loss", &values(&paired.loss), &values(&at_once.loss));
    for (ours, expected) in paired.own.iter().zip(&at_once.own) {
        close("own weights", &values(ours), &values(expected));
    }
    let both: Vec<f32> = values(&paired.target)
        .chunks(2 * SHAPE.channel)
        .flat_map(|two| {
            let (positive, negative) = two.split_at(SHAPE.channel);
            positive.iter().zip(negative).map(|(a, b)| a + b).collect::<Vec<_>>()
        })
        .collect();
    close("post factors", &both, &values(&at_once.target));
}

#[test]
fn a_context_is_a_positive_or_a_negative_and_meets_one_other_stimulus() {
    let device = Device::open().unwrap();
    let shape = RepresentationShape { batch: 8, ..SHAPE };
    let of = |silent: usize| {
        let activity = (0..shape.len()).map(|at| {
            let input = at / shape.channel % shape.batch;
            if input == silent { 0.0 } else { 0.3 + (at * 37 % 11) as f32 }
        });
        let data = Buffer::from_vec(&device, activity.collect()).unwrap();
        let target = Representation::new(shape, data).unwrap();
        let spec: Box<dyn RuleSpec> = toml::from_str(OPEN).unwrap();
        let mut rule = spec.build(&Site::new(&device, shape), &mut stream(1, &[])).unwrap();
        let draws = &mut SeededDraws { seed: 1, step: 1, module: 0 };
        let factor = values(&rule.update(&Signals::new(&target), draws).unwrap().target);
        move |input: usize| -> Vec<f32> {
            let rows = factor.chunks(shape.channel).enumerate();
            rows.filter(|(row, _)| row % shape.batch == input).flat_map(|(_, row)| row.to_vec()).collect()
        }
    };
    // An input that falls silent changes what others learn: of the positives none, and of the negatives the one whose
    // other input it is, and the one that is its own.
    let whole = of(usize::MAX);
    for silent in 0..shape.batch {
        let without = of(silent);
        let changed: Vec<_> =
            (0..shape.batch).filter(|&input| input != silent && whole(input) != without(input)).collect();
        let expected = if silent % 2 == 0 { 0 } else { 2 };
        assert!(
            changed.len() <= expected && changed.iter().all(|input| input % 2 == 1),
            "{silent}: {changed:?}"
        );
        assert!(expected == 0 || !changed.is_empty());
    }
}
