//! How far updates of one rank and of several are from the same backward pass in double precision.

use super::{Updates, among, distance};
use plasticity_core::device::Device;
use plasticity_core::draws::SeededDraws;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::State;
use plasticity_lab::ranks::Negatives;
use plasticity_tests::SCENES;

/// Layers (from 0) of VGG-6 that end in a 2×2 max pool.
const POOLED: [usize; 4] = [1, 3, 4, 5];

/// Maps of all samples: rows, columns and channels of each, channels fastest.
struct Maps {
    size: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Maps {
    fn zeros(samples: usize, size: usize, channels: usize) -> Self {
        Self { size, channels, values: vec![0.0; samples * size * size * channels] }
    }

    fn samples(&self) -> usize {
        self.values.len() / (self.size * self.size * self.channels)
    }

    fn at(&self, sample: usize, [y, x]: [usize; 2]) -> usize {
        ((sample * self.size + y) * self.size + x) * self.channels
    }
}

/// A 3×3 convolution with ReLU, of weights `[out, in, row, column]`.
struct Conv {
    weight: Vec<f64>,
    bias: Vec<f64>,
    inputs: usize,
    pooled: bool,
}

impl Conv {
    fn of(state: &State, layer: usize) -> Self {
        let saved = |name: &str| &state.tensors[&format!("layer.{layer}.{name}")];
        let values = |name: &str| saved(name).values.iter().copied().map(f64::from).collect();
        let inputs = saved("weight").shape[1];
        Self { weight: values("weight"), bias: values("bias"), inputs, pooled: POOLED.contains(&layer) }
    }

    /// Calls with every position of `input` that a position of the output sees, and the place of its first weight for output 0.
    fn seen(input: &Maps, sample: usize, [y, x]: [usize; 2], mut each: impl FnMut(usize, usize)) {
        for (row, column) in (0..9).map(|place| (place / 3, place % 3)) {
            let (y, x) = (y + row, x + column);
            if (1..=input.size).contains(&y) && (1..=input.size).contains(&x) {
                each(input.at(sample, [y - 1, x - 1]), 3 * row + column);
            }
        }
    }

    /// ρ(a), before the pool.
    fn active(&self, input: &Maps) -> Maps {
        let mut active = Maps::zeros(input.samples(), input.size, self.bias.len());
        for (sample, place) in places(input) {
            let into = active.at(sample, place);
            let out = &mut active.values[into..into + self.bias.len()];
            out.copy_from_slice(&self.bias);
            Self::seen(input, sample, place, |from, first| {
                for (o, out) in out.iter_mut().enumerate() {
                    for i in 0..self.inputs {
                        *out += self.weight[(o * self.inputs + i) * 9 + first] * input.values[from + i];
                    }
                }
            });
            out.iter_mut().for_each(|out| *out = out.max(0.0));
        }
        active
    }

    /// The largest of every 2×2 positions, and where it stands.
    fn pool(active: &Maps) -> (Maps, Vec<usize>) {
        let mut out = Maps::zeros(active.samples(), active.size / 2, active.channels);
        let mut from = Vec::with_capacity(out.values.len());
        for (sample, [y, x]) in places(&out) {
            for channel in 0..active.channels {
                let four = [[0, 0], [0, 1], [1, 0], [1, 1]]
                    .map(|[down, right]| active.at(sample, [2 * y + down, 2 * x + right]) + channel);
                from.extend(four.into_iter().max_by(|&a, &b| active.values[a].total_cmp(&active.values[b])));
            }
        }
        out.values.iter_mut().zip(&from).for_each(|(out, &from)| *out = active.values[from]);
        (out, from)
    }
}

/// Every sample and position.
fn places(maps: &Maps) -> impl Iterator<Item = (usize, [usize; 2])> + use<> {
    let size = maps.size;
    (0..maps.samples() * size * size)
        .map(move |place| (place / (size * size), [place / size % size, place % size]))
}

/// The updates of all layers for post factors of the output.
fn backward(layers: &[Conv], input: Maps, factors: &[f32]) -> Updates {
    let (mut below, mut passes) = (input, Vec::new());
    for layer in layers {
        let active = layer.active(&below);
        let (out, from) = match layer.pooled {
            true => Conv::pool(&active),
            false => {
                let (values, from) = (active.values.clone(), (0..active.values.len()).collect());
                (Maps { size: active.size, channels: active.channels, values }, from)
            }
        };
        passes.push((std::mem::replace(&mut below, out), active, from));
    }
    let mut factor: Vec<f64> = factors.iter().copied().map(f64::from).collect();
    let mut updates = Updates::new();
    for (index, (layer, (input, active, from))) in layers.iter().zip(passes).enumerate().rev() {
        let mut inner = Maps::zeros(active.samples(), active.size, active.channels);
        for (&from, factor) in from.iter().zip(&factor).filter(|(from, _)| active.values[**from] > 0.0) {
            inner.values[from] += factor;
        }
        let (mut weight, mut bias) = (vec![0.0; layer.weight.len()], vec![0.0; layer.bias.len()]);
        let mut feedback = vec![0.0; input.values.len()];
        for (sample, place) in places(&inner) {
            let own = &inner.values[inner.at(sample, place)..][..bias.len()];
            bias.iter_mut().zip(own).for_each(|(bias, own)| *bias += own);
            Conv::seen(&input, sample, place, |from, first| {
                for (o, own) in own.iter().enumerate().filter(|(_, own)| **own != 0.0) {
                    for i in 0..layer.inputs {
                        let w = (o * layer.inputs + i) * 9 + first;
                        weight[w] += own * input.values[from + i];
                        feedback[from + i] += own * layer.weight[w];
                    }
                }
            });
        }
        for (name, update) in [("weight", weight), ("bias", bias)] {
            // Rounded at the very end: to 6e-8 of each number.
            let update = update.into_iter().map(|value| value as f32).collect();
            updates.insert(format!("step 0, layer.{index}.{name}"), update);
        }
        factor = feedback;
    }
    updates
}

/// The first step's updates in double precision, from the post factors that one rank's rule comes to, which are those of every rank;
/// and one rank's own.
fn exact_and_own(config: &str) -> (Updates, Updates) {
    let experiment = Experiment::open(Config::parse(config, "config.toml").unwrap()).unwrap();
    let device = Device::open().unwrap();
    let mut network = experiment.network(&device).unwrap();
    let state = network.state().unwrap();
    let batch = experiment.loader(0..1).unwrap().next().unwrap().unwrap().to_device(&device).unwrap();
    let shape = batch.input.shape();
    let values = batch.input.data().to_vec().unwrap().into_iter().map(f64::from).collect();
    let input = Maps { size: shape.extent[1], channels: shape.channels, values };
    let (mut own, mut factors) = (Updates::new(), Vec::new());
    network
        .step_with(
            batch.input,
            None,
            &mut SeededDraws::of_modules(3, 0),
            &mut |rule, signals, draws| {
                let update = rule.update(signals, draws)?;
                factors = update.target.to_vec()?;
                Ok(update)
            },
            &mut |mut module| {
                own.extend(
                    module.named()?.into_iter().map(|(name, update)| (format!("step 0, {name}"), update)),
                );
                Ok(())
            },
        )
        .unwrap();
    let layers: Vec<Conv> = (0..6).map(|layer| Conv::of(&state, layer)).collect();
    own.retain(|name, _| name.contains("layer."));
    (backward(&layers, input, &factors), own)
}

/// The rules whose contributions of stimuli nearly cancel: a hinge of small scores, through all layers.
#[test]
fn ranks_are_as_close_to_double_precision_as_one_is() {
    for rule in ["hinge_cpc", "hinge_cpc_time_local"] {
        let config = SCENES.replace("clapp_s", rule).replace("[2, 2, 2, 2, 2, 2]", "[3, 3, 3, 3, 3, 3]");
        let (exact, own) = exact_and_own(&config);
        let flat = |updates: &Updates| -> Vec<f32> {
            exact.keys().flat_map(|name| updates[name].iter().copied()).collect()
        };
        let far = distance(&flat(&own), &flat(&exact));
        println!("{rule}: one rank is {far:.1e} from double precision");
        assert!(far <= 1e-5, "{rule}: one rank, {far:e}");
        for size in [2, 4, 8] {
            let made = among(&config, size, Negatives::Global).remove(0).unwrap();
            let [far, apart] = [&exact, &own].map(|other| distance(&flat(&made), &flat(other)));
            println!("  {size} ranks are {far:.1e} from double precision, {apart:.1e} from one rank");
            assert!(far <= 1e-5 && apart <= 1e-5, "{rule}: {size} ranks, {far:e} and {apart:e}");
        }
    }
}
