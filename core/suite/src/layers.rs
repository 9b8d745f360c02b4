//! Checks of every encoder layer: its update is the derivative of its activity, and linear in the post factor, unless
//! the layer says otherwise.

use super::Found;
use super::compare::{dot, noise, noisy, norm, random};
use super::resume;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// Maps that layers are tried on: patches, clips, speech; and for a layer of another number of channels, grey and four.
const SHAPES: [MapShape; 6] = [
    MapShape { time: 2, location: 1, batch: 2, extent: [1, 8, 8], channels: 3 },
    MapShape { time: 1, location: 1, batch: 2, extent: [7, 12, 12], channels: 3 },
    MapShape { time: 1, location: 1, batch: 2, extent: [40, 1, 1], channels: 3 },
    MapShape { time: 2, location: 1, batch: 2, extent: [1, 8, 8], channels: 1 },
    MapShape { time: 1, location: 1, batch: 2, extent: [40, 1, 1], channels: 1 },
    MapShape { time: 2, location: 1, batch: 2, extent: [1, 8, 8], channels: 4 },
];
/// Step length of a finite difference, and the error that rounding and kinks of ρ may cause.
const STEP: f32 = 5e-4;
const TOLERANCE: f64 = 2e-2;

struct Bench {
    layer: Box<dyn EncoderLayer>,
    pre: FeatureMap,
    device: Device,
}

impl Bench {
    fn first(spec: &dyn LayerSpec) -> Result<Self> {
        let device = Device::open()?;
        let mut refused = None;
        for shape in SHAPES {
            let made = spec.build(shape, &device, &mut random(9));
            match made.and_then(|layer| layer.output(shape).map(|output| (layer, output))) {
                Ok((layer, output)) if !output.is_empty() => {
                    let pre = FeatureMap::new(shape, noisy(&device, &mut random(10), shape.len())?)?;
                    return Ok(Self { layer, pre, device });
                }
                Ok(_) => {}
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or_else(|| Error::shape("layer", "gives an empty map for every small map")))
    }

    /// Activity and update for a factor `[sample, t, y, x, channel]`.
    fn learn(&mut self, factor: PostFactor) -> Result<(FeatureMap, LayerUpdate)> {
        let activity = self.layer.forward(&self.pre, Phase::Learn)?;
        let update = self.layer.plasticity(&self.pre, &activity.post, activity.trace, factor, true)?;
        Ok((activity.post, update))
    }

    /// Σ factor · summed input, for a layer that provides summed inputs.
    fn loss_of_activation(&mut self, pre: &FeatureMap, factor: &[f32], potential: bool) -> Result<f64> {
        match self.layer.activation(pre, potential)? {
            Some(activation) => Ok(dot(&activation.into_data().to_vec()?, factor)),
            None => Err(Error::shape("layer", "no longer provides summed inputs")),
        }
    }

    /// Σ factor · post, without a trace.
    fn loss(&mut self, pre: &FeatureMap, factor: &[f32]) -> Result<f64> {
        Ok(dot(&self.layer.forward(pre, Phase::Peek)?.post.into_data().to_vec()?, factor))
    }
}

/// Makes the layer and runs it on any of the maps.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn build(spec: &Box<dyn LayerSpec>) -> Result<()> {
    let mut bench = Bench::first(spec.as_ref())?;
    bench.layer.forward(&bench.pre, Phase::Evaluate).map(drop)
}

/// Checks a layer.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn LayerSpec>, found: &mut Found) {
    found.run("a pass and an update on a small map", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let shape = bench.layer.output(bench.pre.shape())?;
        let factor = noise(&mut random(11), shape.len());
        let on_device = Buffer::from_vec(&bench.device, factor.clone())?;
        let (post, made) = bench.learn(PostFactor::PerPosition(on_device.clone()))?;
        if post.shape() != shape {
            found.add(format!("says that its output is {shape:?}, but it is {:?}", post.shape()));
        }
        if spec.channels().is_some_and(|channels| channels != shape.channels) {
            found.add("its spec names another number of channels than its output has");
        }
        let mut twin = Bench::first(spec.as_ref())?;
        let (twin_post, twin_made) = twin.learn(PostFactor::PerPosition(on_device.clone()))?;
        let mut equal = post.data().to_vec()? == twin_post.data().to_vec()?;
        for (a, b) in made.updates.iter().zip(&twin_made.updates) {
            equal &= a.to_vec()? == b.to_vec()?;
        }
        if !equal {
            found.add("two layers of the same seed differ");
        }
        let learning = bench.layer.parameters().iter().filter(|parameter| parameter.learns()).count();
        if made.updates.len() != learning {
            found.add(format!("returns {} updates for {learning} learning parameters", made.updates.len()));
            return Ok(());
        }
        let mut moves = learning == 0;
        for update in &made.updates {
            moves |= update.to_vec()?.iter().any(|value| *value != 0.0);
        }
        if !moves {
            found.add("moves nothing");
        }
        if bench.layer.is_linear() {
            linear(&mut bench, &on_device, &made, found)?;
        }
        per_sample(&mut bench, shape, found)?;
        if bench.layer.follows_gradient() {
            parameters(&mut bench, &factor, &made, "", &Bench::loss, found)?;
            feedback(&mut bench, &factor, &made, found)?;
        }
        on_activation(&mut bench, found)
    });
    found.run("sizes before weights are drawn", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let mut sized = spec.build(bench.pre.shape(), &bench.device.sizing(), &mut random(9))?;
        found.same_sizes(bench.layer.parameters(), sized.parameters());
        if sized.output(bench.pre.shape())? != bench.layer.output(bench.pre.shape())? {
            found.add("has another output where its weights are not drawn");
        }
        Ok(())
    });
    found.run("two steps, one of them after resuming", |found| {
        let mut bench = Bench::first(spec.as_ref())?;
        let shape = bench.layer.output(bench.pre.shape())?;
        let factor = noisy(&bench.device, &mut random(11), shape.len())?;
        bench.learn(PostFactor::PerPosition(factor.clone()))?;
        let before = resume::values(bench.layer.parameters())?;
        for phase in [Phase::Peek, Phase::Evaluate] {
            bench.layer.forward(&bench.pre, phase)?;
            if resume::values(bench.layer.parameters())? != before {
                found.add(format!("changes its parameters in a pass of {phase:?}"));
            }
        }
        let mut twin = Bench::first(spec.as_ref())?;
        resume::copy(bench.layer.parameters(), twin.layer.parameters())?;
        let (post, made) = bench.learn(PostFactor::PerPosition(factor.clone()))?;
        let (twin_post, twin_made) = twin.learn(PostFactor::PerPosition(factor))?;
        resume::compare(found, &buffers(&post, &made), &buffers(&twin_post, &twin_made))
    });
    found.refuses("a map without values", || {
        let mut bench = Bench::first(spec.as_ref())?;
        let shape = MapShape { batch: 0, ..bench.pre.shape() };
        let empty = FeatureMap::new(shape, Buffer::zeros(&bench.device, 0)?)?;
        bench.layer.forward(&empty, Phase::Evaluate).map(drop)
    });
}

fn buffers<'a>(post: &'a FeatureMap, made: &'a LayerUpdate) -> Vec<&'a Buffer> {
    std::iter::once(post.data()).chain(&made.updates).chain(&made.feedback).collect()
}

/// Twice the factor gives twice the update.
fn linear(bench: &mut Bench, factor: &Buffer, made: &LayerUpdate, found: &mut Found) -> Result<()> {
    let mut twice = factor.clone();
    ops::scale(&mut twice, 2.0)?;
    let (_, doubled) = bench.learn(PostFactor::PerPosition(twice))?;
    close("twice the post factor", made, &doubled, 2.0, found)
}

/// A factor for each sample equals the same factor divided evenly among positions.
fn per_sample(bench: &mut Bench, shape: MapShape, found: &mut Found) -> Result<()> {
    if shape.extent[0] != 1 {
        return Ok(());
    }
    let factor = noisy(&bench.device, &mut random(12), shape.samples() * shape.channels)?;
    let spread = ops::spread(&factor, shape, Pooling::Mean)?;
    let (_, expected) = bench.learn(PostFactor::PerPosition(spread))?;
    let (_, made) = bench.learn(PostFactor::PerSample(factor))?;
    close("a post factor for each sample", &expected, &made, 1.0, found)
}

fn close(what: &str, a: &LayerUpdate, b: &LayerUpdate, factor: f32, found: &mut Found) -> Result<()> {
    let pairs = a.updates.iter().zip(&b.updates).chain(a.feedback.iter().zip(&b.feedback));
    for (a, b) in pairs {
        let (a, b) = (a.to_vec()?, b.to_vec()?);
        let difference: Vec<f32> = a.iter().zip(&b).map(|(a, b)| factor * a - b).collect();
        let agrees = norm(&difference) <= 1e-4 * norm(&b) + 1e-7;
        if !agrees {
            found.add(format!("{what} gives a wrong update"));
        }
    }
    Ok(())
}

/// If a layer provides its summed inputs, its update for a factor on them is the derivative of Σ factor · summed
/// input, with and without the bias.
fn on_activation(bench: &mut Bench, found: &mut Found) -> Result<()> {
    for (potential, what) in [(false, "summed inputs"), (true, "potentials")] {
        // A layer without summed inputs may return an error.
        let Ok(Some(activation)) = bench.layer.activation(&bench.pre, potential) else { return Ok(()) };
        let Activity { post, trace, .. } = bench.layer.forward(&bench.pre, Phase::Learn)?;
        let of_pass = bench.layer.activation_of_pass(&bench.pre, &post, &trace, potential)?;
        let same = |other: FeatureMap| -> Result<bool> {
            Ok(other.shape() == activation.shape() && other.data().to_vec()? == activation.data().to_vec()?)
        };
        if !of_pass.map_or(Ok(false), same)? {
            found.add(format!("the {what} of a pass are not those of its input"));
        }
        let factor = noise(&mut random(14), activation.shape().len());
        let given = Buffer::from_vec(&bench.device, factor.clone())?;
        let given = if potential { PostFactor::Potential(given) } else { PostFactor::Activation(given) };
        let (_, made) = bench.learn(given)?;
        let loss = move |bench: &mut Bench, pre: &FeatureMap, factor: &[f32]| {
            bench.loss_of_activation(pre, factor, potential)
        };
        parameters(bench, &factor, &made, &format!("by a factor on {what}: "), &loss, found)?;
    }
    Ok(())
}

/// A loss of an input; the factor gives its slopes.
type Loss = dyn Fn(&mut Bench, &FeatureMap, &[f32]) -> Result<f64>;

/// The update of every parameter against finite differences of a loss, Σ factor · post or Σ factor · summed input.
fn parameters(
    bench: &mut Bench,
    factor: &[f32],
    made: &LayerUpdate,
    how: &str,
    loss: &Loss,
    found: &mut Found,
) -> Result<()> {
    let pre = bench.pre.clone();
    let mut update = made.updates.iter();
    for index in 0..bench.layer.parameters().len() {
        if !bench.layer.parameters()[index].learns() {
            continue;
        }
        let Some(update) = update.next() else { break };
        let name = bench.layer.parameters()[index].name().to_owned();
        let update = update.to_vec()?;
        let start = bench.layer.parameters()[index].value().to_vec()?;
        let direction = direction(&update);
        let mut sides = [0.0; 2];
        for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
            let moved: Vec<f32> =
                start.iter().zip(&direction).map(|(value, step)| value + sign * STEP * step).collect();
            bench.layer.parameters()[index].value_mut().copy_from_host(&moved)?;
            *side = loss(bench, &pre, factor)?;
        }
        bench.layer.parameters()[index].value_mut().copy_from_host(&start)?;
        judge(&format!("{how}update of `{name}`"), sides, &update, &direction, found);
    }
    Ok(())
}

/// The feedback against finite differences.
fn feedback(bench: &mut Bench, factor: &[f32], made: &LayerUpdate, found: &mut Found) -> Result<()> {
    let Some(feedback) = &made.feedback else {
        found.add("returns no feedback although it was asked for");
        return Ok(());
    };
    let feedback = feedback.to_vec()?;
    let start = bench.pre.data().to_vec()?;
    let direction = direction(&feedback);
    let mut sides = [0.0; 2];
    for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
        let moved = start.iter().zip(&direction).map(|(value, step)| value + sign * STEP * step).collect();
        let pre = FeatureMap::new(bench.pre.shape(), Buffer::from_vec(&bench.device, moved)?)?;
        *side = bench.loss(&pre, factor)?;
    }
    judge("feedback", sides, &feedback, &direction, found);
    Ok(())
}

/// A direction: half the update's direction, half noise.
fn direction(update: &[f32]) -> Vec<f32> {
    let noise = noise(&mut random(13), update.len());
    let (own, other) = (norm(update).max(1e-12) as f32, norm(&noise).max(1e-12) as f32);
    update.iter().zip(&noise).map(|(update, noise)| update / own + noise / other).collect()
}

fn judge(what: &str, sides: [f64; 2], update: &[f32], direction: &[f32], found: &mut Found) {
    let measured = (sides[0] - sides[1]) / (2.0 * f64::from(STEP));
    let (said, size) = (dot(update, direction), norm(update));
    let agrees = (measured - said).abs() <= TOLERANCE * size;
    if !agrees {
        found.add(format!("{what}: the update has a slope of {said:.4}, finite differences {measured:.4}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::random::Random;

    /// Panics if it is built for maps with its number of channels, and refuses all others.
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Choosy {
        channels: usize,
    }

    #[typetag::serde(name = "choosy_for_the_suite")]
    impl LayerSpec for Choosy {
        fn build(&self, input: MapShape, _: &Device, _: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            assert_ne!(input.channels, self.channels, "a layer for these channels is built");
            Err(Error::shape("layer", "is for other channels"))
        }
    }

    #[test]
    fn layers_for_grey_and_for_four_channels_are_tried() {
        for (channels, tried) in [(1, true), (3, true), (4, true), (2, false)] {
            let mut found = Found::default();
            let panics = found.refuses("building", || Bench::first(&Choosy { channels }).map(drop));
            assert!(panics && found.0.is_empty() != tried, "{channels}: {:?}", found.0);
        }
    }
}
