//! What every plasticity rule must keep.

use super::Found;
use super::compare::{agree, noisy, random, same};
use super::resume;
use plasticity_core::autodiff;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{
    ContextSource, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals,
};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::{Error, Result};

/// Shapes that rules are tried on: patches in time, two views, single vectors.
const SHAPES: [RepresentationShape; 3] = [
    RepresentationShape { time: 9, location: 2, batch: 4, channel: 5 },
    RepresentationShape { time: 2, location: 1, batch: 4, channel: 5 },
    RepresentationShape { time: 1, location: 1, batch: 4, channel: 5 },
];
const CLASSES: usize = 3;

struct Bench {
    rule: Box<dyn PlasticityRule>,
    target: Representation,
    above: Representation,
    labels: Vec<u32>,
    source: ContextSource,
}

impl Bench {
    fn new(spec: &dyn RuleSpec, shape: RepresentationShape) -> Result<Self> {
        let device = Device::open()?;
        let above = RepresentationShape { channel: shape.channel + 2, ..shape };
        let source = spec.context();
        let context = RuleContext {
            target: shape,
            context: if source == ContextSource::Above { above } else { shape },
            top: above,
            module: 0,
            modules: 2,
            classes: Some(CLASSES),
            device: &device,
        };
        let rule = spec.build(&context, &mut random(1))?;
        let positive = |shape: RepresentationShape, what| -> Result<Representation> {
            let mut values = noisy(&device, &mut random(what), shape.len())?.to_vec()?;
            values.iter_mut().for_each(|value| *value = value.max(0.0));
            Representation::new(shape, Buffer::from_vec(&device, values)?)
        };
        let labels = (0..shape.batch as u32).map(|input| input % CLASSES as u32).collect();
        Ok(Self { rule, target: positive(shape, 2)?, above: positive(above, 3)?, labels, source })
    }

    /// One that works on the first of the shapes that the rule takes.
    fn first(spec: &dyn RuleSpec) -> Result<Self> {
        let mut refused = None;
        for shape in SHAPES {
            match Self::new(spec, shape).and_then(|mut bench| bench.update().map(|_| bench)) {
                Ok(bench) => return Ok(bench),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or_else(|| Error::shape("rule", "was tried on no shape")))
    }

    fn update(&mut self) -> Result<RuleUpdate> {
        let signals = signals(&self.target, &self.above, &self.labels, self.source);
        self.rule.update(&signals, &mut draws())
    }
}

fn signals<'a>(
    target: &'a Representation,
    above: &'a Representation,
    labels: &'a [u32],
    source: ContextSource,
) -> Signals<'a> {
    Signals {
        target,
        context: (source == ContextSource::Above).then_some(above),
        top: matches!(source, ContextSource::Top | ContextSource::Both).then_some(above),
        labels: Some(labels),
    }
}

fn draws() -> SeededDraws {
    SeededDraws { seed: 3, step: 0, module: 0 }
}

/// Makes the rule and runs it, on any of the shapes.
#[allow(clippy::borrowed_box, reason = "the type that specs are read as")]
pub fn build(spec: &Box<dyn RuleSpec>) -> Result<()> {
    Bench::first(spec.as_ref()).map(drop)
}

/// Checks a rule.
#[allow(clippy::borrowed_box, reason = "the type that specs are read as")]
pub fn check(spec: &Box<dyn RuleSpec>, found: &mut Found) {
    found.run("a step on a small representation", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let made = bench.update()?;
        shapes(&bench, &made, found);
        agrees_with_its_loss(&bench, &made, found)?;
        let again = bench.update()?;
        repeats(found, "two steps with the same draws", &made, &again)?;
        let mut twin = Bench::new(spec.as_ref(), bench.target.shape())?;
        repeats(found, "two rules of the same seed", &made, &twin.update()?)
    });
    found.run("two steps, one of them after resuming", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        bench.update()?;
        bench.rule.applied()?;
        let mut twin = Bench::new(spec.as_ref(), bench.target.shape())?;
        resume::copy(&bench.rule.parameters(), twin.rule.parameters_mut())?;
        let (next, of_twin) = (bench.update()?, twin.update()?);
        resume::compare(found, &buffers(&next), &buffers(&of_twin))
    });
    found.run("stimuli to learn from and to read out", |found| stimuli(spec.as_ref(), found));
    for shape in [
        RepresentationShape { time: 1, location: 1, batch: 1, channel: 5 },
        RepresentationShape { time: 9, location: 1, batch: 1, channel: 1 },
    ] {
        found.refuses(&format!("a step on {shape:?}"), || {
            Bench::new(spec.as_ref(), shape)?.update().map(drop)
        });
    }
}

fn stimuli(spec: &dyn RuleSpec, found: &mut Found) -> Result<()> {
    let mut bench = Bench::first(spec)?;
    let shape = MapShape { time: 1, location: 1, batch: bench.labels.len(), extent: [1, 4, 4], channels: 2 };
    let input = FeatureMap::new(shape, noisy(&Device::open()?, &mut random(4), shape.len())?)?;
    if bench.rule.prepare_readout(&input)?.is_some_and(|made| made.shape() != shape) {
        found.add("changes the shape of stimuli that are read out");
    }
    let made = bench.rule.prepare(input, Some(&bench.labels), &mut draws())?;
    if made.shape() != spec.prepared(shape) {
        found.add("makes stimuli of another shape than `prepared` says");
    }
    Ok(())
}

fn buffers(made: &RuleUpdate) -> Vec<&Buffer> {
    [&made.loss, &made.target].into_iter().chain(&made.own).collect()
}

fn shapes(bench: &Bench, made: &RuleUpdate, found: &mut Found) {
    if made.loss.len() != 1 || made.target.len() != bench.target.shape().len() {
        let message = "its loss is not one value, or its post factor not shaped as the target";
        found.add(message);
    }
    let learning: Vec<_> =
        bench.rule.parameters().into_iter().filter(|parameter| parameter.learns()).collect();
    let fits = learning.len() == made.own.len()
        && learning.iter().zip(&made.own).all(|(parameter, own)| parameter.value().len() == own.len());
    if !fits {
        found.add("its own updates do not fit its parameters that learn");
    }
    let moves =
        |buffer: &Buffer| buffer.to_vec().is_ok_and(|values| values.iter().any(|value| *value != 0.0));
    let moved = moves(&made.target) || made.own.iter().any(moves);
    if moved != bench.rule.learns() {
        found.add(if moved { "says that it does not learn, and moves" } else { "moves nothing" });
    }
    let finite =
        |buffer: &Buffer| buffer.to_vec().is_ok_and(|values| values.iter().all(|value| value.is_finite()));
    if !(finite(&made.loss) && finite(&made.target) && made.own.iter().all(finite)) {
        found.add("gives values that are not finite");
    }
}

fn agrees_with_its_loss(bench: &Bench, made: &RuleUpdate, found: &mut Found) -> Result<()> {
    let signals = signals(&bench.target, &bench.above, &bench.labels, bench.source);
    let Some(plain) = autodiff::update(bench.rule.as_ref(), &signals, &mut draws())? else { return Ok(()) };
    agree(found, "loss", &made.loss, &plain.loss)?;
    agree(found, "post factor of the target", &made.target, &plain.target)?;
    match (&made.context, &plain.context) {
        (Some(ours), Some(expected)) => agree(found, "post factor of the context", ours, expected)?,
        (None, Some(expected)) if expected.to_vec()?.iter().any(|value| *value != 0.0) => {
            found.add("its loss depends on a context of its own, and its update leaves that alone");
        }
        _ => {}
    }
    for (parameter, (ours, expected)) in bench
        .rule
        .parameters()
        .iter()
        .filter(|parameter| parameter.learns())
        .zip(made.own.iter().zip(&plain.own))
    {
        agree(found, &format!("update of `{}`", parameter.name()), ours, expected)?;
    }
    Ok(())
}

fn repeats(found: &mut Found, what: &str, a: &RuleUpdate, b: &RuleUpdate) -> Result<()> {
    let mut equal = same(&a.target, &b.target)? && same(&a.loss, &b.loss)?;
    for (a, b) in a.own.iter().zip(&b.own) {
        equal &= same(a, b)?;
    }
    if !equal {
        found.add(format!("{what} differ"));
    }
    Ok(())
}
