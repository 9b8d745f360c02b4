//! Checks of every plasticity rule.

use super::Found;
use super::compare::{agree, noisy, random, same};
use super::resume;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{
    ContextSource, Lateral, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, autodiff,
};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::{Error, Result};

const CLASSES: usize = 3;
/// The largest batch for tests, even if a rule needs a larger one: its scores of all pairs must fit into memory.
const LARGEST: usize = 256;

/// Shapes for tests of a rule: patches in time, two views, single vectors. The batch is as large as the rule needs.
fn shapes_for(spec: &dyn RuleSpec) -> [RepresentationShape; 3] {
    let demands = spec.demands();
    [(9, 2), (2, 1), (1, 1)].map(|(time, location)| {
        let needed = demands.least_batch.saturating_mul(demands.views(time).unwrap_or(1));
        RepresentationShape { time, location, batch: needed.clamp(4, LARGEST), channel: 5 }
    })
}

struct Bench {
    rule: Box<dyn PlasticityRule>,
    target: Representation,
    above: Representation,
    labels: Vec<u32>,
    /// Whether the context is not the target.
    apart: bool,
    top: bool,
}

impl Bench {
    /// With `recurrent`, the last layer of the module is the context of its own input.
    fn new(spec: &dyn RuleSpec, shape: RepresentationShape, recurrent: bool) -> Result<Self> {
        let device = Device::open()?;
        let above = above(shape);
        let source = spec.demands().context;
        let apart = recurrent || source == ContextSource::Above;
        let rule = spec.build(&site(&device, shape, apart), &mut random(1))?;
        let positive = |shape: RepresentationShape, what| -> Result<Representation> {
            let mut values = noisy(&device, &mut random(what), shape.len())?.to_vec()?;
            values.iter_mut().for_each(|value| *value = value.max(0.0));
            Representation::new(shape, Buffer::from_vec(&device, values)?)
        };
        let labels = (0..shape.batch as u32).map(|input| input % CLASSES as u32).collect();
        let top = matches!(source, ContextSource::Top | ContextSource::Both);
        Ok(Self { rule, target: positive(shape, 2)?, above: positive(above, 3)?, labels, apart, top })
    }

    /// A bench with the first shape that the rule accepts.
    fn first(spec: &dyn RuleSpec) -> Result<Self> {
        let mut refused = None;
        for shape in shapes_for(spec) {
            match Self::new(spec, shape, false).and_then(|mut bench| bench.update().map(|_| bench)) {
                Ok(bench) => return Ok(bench),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or_else(|| Error::shape("rule", "was tested with no shape")))
    }

    fn update(&mut self) -> Result<RuleUpdate> {
        self.with(|rule, signals| rule.update(signals, &mut draws()))
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut dyn PlasticityRule, &Signals) -> T) -> T {
        let Self { rule, target, above, labels, apart, top } = self;
        let signals = Signals::new(target)
            .with_context(apart.then_some(&*above))
            .with_top(top.then_some(&*above))
            .with_labels(labels.as_slice());
        run(rule.as_mut(), &signals)
    }

    /// Neurons of the module's last layer.
    fn neurons(&self) -> usize {
        if self.apart { self.above.shape().channel } else { self.target.shape().channel }
    }
}

/// The context of another module, and the top, for a target of this shape.
fn above(shape: RepresentationShape) -> RepresentationShape {
    RepresentationShape { channel: shape.channel + 2, ..shape }
}

fn site(device: &Device, shape: RepresentationShape, apart: bool) -> Site<'_> {
    Site::new(device, shape)
        .with_context(if apart { above(shape) } else { shape })
        .with_top(above(shape))
        .with_module(0, 2)
        .with_classes(CLASSES)
}

fn draws() -> SeededDraws {
    SeededDraws { seed: 3, step: 0, module: 0 }
}

/// Builds the rule and runs it on any of the shapes.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn build(spec: &Box<dyn RuleSpec>) -> Result<()> {
    Bench::first(spec.as_ref()).map(drop)
}

/// Checks a rule.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn RuleSpec>, found: &mut Found) {
    found.run("a step on a small representation", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let made = bench.update()?;
        shapes(&mut bench, &made, found);
        moves(&bench, &made, found);
        agrees_with_its_loss(&mut bench, &made, found)?;
        let again = bench.update()?;
        repeats(found, "two steps with the same draws", &made, &again)?;
        let mut twin = Bench::new(spec.as_ref(), bench.target.shape(), false)?;
        repeats(found, "two rules of the same seed", &made, &twin.update()?)
    });
    found.run("sizes before weights are drawn", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let device = Device::open()?.sizing();
        let site = site(&device, bench.target.shape(), bench.apart);
        let mut sized = spec.build(&site, &mut random(1))?;
        found.same_sizes(bench.rule.parameters(), sized.parameters());
        Ok(())
    });
    found.run("a step with a separate context", |found| recurrent(spec.as_ref(), found));
    found.run("two steps, one of them after resuming", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        bench.update()?;
        bench.rule.applied()?;
        let mut twin = Bench::new(spec.as_ref(), bench.target.shape(), false)?;
        resume::copy(bench.rule.parameters(), twin.rule.parameters())?;
        let (next, of_twin) = (bench.update()?, twin.update()?);
        resume::compare(found, &buffers(&next), &buffers(&of_twin))
    });
    found.run("stimuli for learning and for the probe", |found| stimuli(spec.as_ref(), found));
    for shape in [
        RepresentationShape { time: 1, location: 1, batch: 1, channel: 5 },
        RepresentationShape { time: 9, location: 1, batch: 1, channel: 1 },
    ] {
        found.refuses(&format!("a step on {shape:?}"), || {
            Bench::new(spec.as_ref(), shape, false)?.update().map(drop)
        });
    }
}

/// A rule that uses outputs may get a recurrent layer, which is the context of its own input. The rule may refuse this.
fn recurrent(spec: &dyn RuleSpec, found: &mut Found) -> Result<()> {
    let shape = Bench::first(spec)?.target.shape();
    if spec.demands().level.is_summed() {
        return Ok(());
    }
    let Ok(mut bench) = Bench::new(spec, shape, true) else { return Ok(()) };
    let Ok(made) = bench.update() else { return Ok(()) };
    shapes(&mut bench, &made, found);
    agrees_with_its_loss(&mut bench, &made, found)?;
    let again = bench.update()?;
    repeats(found, "two steps with the same draws", &made, &again)
}

fn stimuli(spec: &dyn RuleSpec, found: &mut Found) -> Result<()> {
    let mut bench = Bench::first(spec)?;
    let shape = MapShape { time: 1, location: 1, batch: bench.labels.len(), extent: [1, 4, 4], channels: 2 };
    let input = FeatureMap::new(shape, noisy(&Device::open()?, &mut random(4), shape.len())?)?;
    if bench.rule.prepare_probe(&input)?.is_some_and(|made| made.shape() != shape) {
        found.add("changes the shape of stimuli for the probe");
    }
    if let Some(written) = bench.rule.with_class(&input, 0)? {
        if written.shape() != shape {
            found.add("changes the shape of stimuli that it writes a class on");
        }
        let goodness = bench.rule.goodness(&bench.target)?;
        if goodness.is_some_and(|goodness| goodness.len() != bench.target.shape().batch) {
            found.add("its goodness is not one value for each stimulus");
        }
    }
    let given = input.clone();
    let made = bench.rule.prepare(input, Some(&bench.labels), &mut draws())?;
    let unchanged = made.shape() == shape && same(given.data(), made.data())?;
    if !(unchanged || bench.rule.prepares()) {
        found.add("prepares stimuli, and `prepares` says that it does not");
    }
    if made.shape() != spec.demands().prepared(shape) {
        found.add("makes stimuli with another shape than its demands say");
    }
    from_below(spec, &bench, &made, found)
}

/// What the second module makes of the output of the first.
fn from_below(spec: &dyn RuleSpec, bench: &Bench, below: &FeatureMap, found: &mut Found) -> Result<()> {
    let device = Device::open()?;
    let site = site(&device, bench.target.shape(), bench.apart).with_module(1, 2);
    // The example may have keys for the first module only.
    let Ok(mut second) = spec.build(&site, &mut random(1)) else { return Ok(()) };
    if second.prepare_probe_from_below(below)?.is_some_and(|made| made.shape() != below.shape()) {
        found.add("changes the shape of the map from below for the probe");
    }
    let Some(made) = second.prepare_from_below(below, &mut draws())? else { return Ok(()) };
    if made.shape() != below.shape() {
        found.add("changes the shape of the map from below");
    }
    if !second.prepares() {
        found.add("prepares the map from below, and `prepares` says that it does not");
    }
    Ok(())
}

fn buffers(made: &RuleUpdate) -> Vec<&Buffer> {
    let lateral = made.lateral.iter().map(Lateral::values);
    [&made.loss, &made.target].into_iter().chain(&made.context).chain(&made.own).chain(lateral).collect()
}

fn any(buffer: &Buffer, is: impl Fn(f32) -> bool) -> bool {
    buffer.to_vec().is_ok_and(|values| values.into_iter().any(is))
}

fn shapes(bench: &mut Bench, made: &RuleUpdate, found: &mut Found) {
    if made.loss.len() != 1 || made.target.len() != bench.target.shape().len() {
        let message = "its loss is not one value, or its post factor does not have the shape of the target";
        found.add(message);
    }
    match &made.context {
        Some(_) if !bench.apart => {
            found.add(
                "returns a post factor for a context, but the target is its own context: add it to the \
                       target's",
            );
        }
        Some(context) if context.len() != bench.above.shape().len() => {
            found.add("its post factor for the context does not have the shape of the context");
        }
        _ => {}
    }
    if made.lateral.as_ref().is_some_and(|lateral| !lateral.fits(bench.neurons())) {
        found.add("its lateral update is neither [neurons, neurons] nor a diagonal of it");
    }
    let learning: Vec<_> =
        bench.rule.parameters().into_iter().filter(|parameter| parameter.learns()).collect();
    let fits = learning.len() == made.own.len()
        && learning.iter().zip(&made.own).all(|(parameter, own)| parameter.value().len() == own.len());
    if !fits {
        found.add("its own updates do not fit its learning parameters");
    }
    if buffers(made).into_iter().any(|buffer| any(buffer, |value| !value.is_finite())) {
        found.add("returns values that are not finite");
    }
}

fn moves(bench: &Bench, made: &RuleUpdate, found: &mut Found) {
    let moved = buffers(made).into_iter().skip(1).any(|buffer| any(buffer, |value| value != 0.0));
    if moved != bench.rule.learns() {
        found.add(if moved {
            "says that it does not learn, but returns a non-zero update"
        } else {
            "moves nothing"
        });
    }
}

fn agrees_with_its_loss(bench: &mut Bench, made: &RuleUpdate, found: &mut Found) -> Result<()> {
    let plain = bench.with(|rule, signals| autodiff::update(rule, signals, &mut draws()))?;
    let Some(plain) = plain else { return Ok(()) };
    agree(found, "loss", &made.loss, &plain.loss)?;
    agree(found, "post factor of the target", &made.target, &plain.target)?;
    match (&made.context, &plain.context) {
        (Some(ours), Some(expected)) => agree(found, "post factor of the context", ours, expected)?,
        (None, Some(expected)) if any(expected, |value| value != 0.0) => {
            found.add("its loss depends on a separate context, but its update does not change it");
        }
        _ => {}
    }
    if made.lateral.as_ref().is_some_and(|lateral| any(lateral.values(), |value| value != 0.0)) {
        found.add("has a loss and also a lateral update M · W, which is not part of the loss");
    }
    let learning = bench.rule.parameters().into_iter().filter(|parameter| parameter.learns());
    for (parameter, (ours, expected)) in learning.zip(made.own.iter().zip(&plain.own)) {
        agree(found, &format!("update of `{}`", parameter.name()), ours, expected)?;
    }
    Ok(())
}

fn repeats(found: &mut Found, what: &str, a: &RuleUpdate, b: &RuleUpdate) -> Result<()> {
    let (a, b) = (buffers(a), buffers(b));
    let mut equal = a.len() == b.len();
    for (a, b) in a.into_iter().zip(b) {
        equal &= same(a, b)?;
    }
    if !equal {
        found.add(format!("{what} differ"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
