//! `forward_forward`: the Forward-Forward algorithm with labels written into the stimulus.

use super::contrast::{Goodness, doubled, side_by_side};
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::{Pooling, Representation};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// Positive stimuli carry their own label, negative ones a wrong label. Each layer distinguishes them by its goodness,
/// the mean of z². The label is written on the first positions of a stimulus, one for each class, in all channels.
/// Dense layers see these positions. For convolutions, `label = "wave"` adds a plane wave to the whole map and all
/// channels; each class has its own direction and frequency.
///
/// Put a `normalise` layer at the beginning of every module: it hides the goodness of the layer below, and the length
/// of a stimulus, from the module.
///
/// Hinton tests a network in two ways. A linear probe sees stimuli with a neutral label, the mean of the labels of all
/// classes. Or every label in turn is written on a stimulus, and the label with the largest goodness is the answer.
/// `probe` prints the accuracy of both.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardForward {
    /// θ: goodness above which a stimulus counts as positive.
    pub threshold: f32,
    /// The value at the label's position; the positions of the other classes have 0. For waves: the amplitude.
    pub strength: f32,
    /// How a label is written on a stimulus.
    pub label: Label,
    /// Whether goodness is a mean or a sum over neurons.
    pub goodness: Over,
    /// λ of peer normalisation: the weight of the difference between a neuron's mean activity on positive stimuli and
    /// the mean of its peers.
    pub peer_normalisation: f32,
}

/// How a label is written on a stimulus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// On its first positions, one for each class.
    #[default]
    Positions,
    /// As a plane wave over the whole map.
    Wave,
}

/// How goodness combines the squared activities of neurons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum, with θ for each neuron.
    Sum,
}

impl Default for ForwardForward {
    fn default() -> Self {
        Self {
            threshold: 2.0,
            strength: 1.0,
            label: Label::Positions,
            goodness: Over::Mean,
            peer_normalisation: 0.0,
        }
    }
}

plugin! {
    Rule "forward_forward": "Forward-Forward: high goodness on stimuli with their own label, low with a wrong one",
    equation: "L = softplus(θ − g⁺) + softplus(g⁻ − θ), g = mean z²",
    citation: "Hinton 2022, arXiv 2212.13345; labels as waves: Scodellaro, Kulkarni, Alves & Schröter 2023, arXiv 2312.14924",
    keys: [
        threshold = "2.0", "> 0", "θ: the goodness above which a stimulus counts as positive";
        strength = "1.0", "> 0", "in learning: the value at the label's position; the positions of the other \
                                  classes have 0. In probing, all have an equal share of it. With waves: the amplitude";
        label = "\"positions\"", "positions | wave", "writes the label on the first positions of a stimulus, one \
                                                      for each class, or as a plane wave over the whole map, \
                                                      which convolutions see everywhere";
        goodness = "\"mean\"", "mean | sum", "mean: g is the mean of z² over neurons. sum, as in Hinton: \
                                              g and θ are multiplied by the number of neurons";
        peer_normalisation = "0.0", "≥ 0", "λ: adds λ · mean over neurons of (m − m̄)² to the loss, with m a neuron's mean \
                                            activity on the positive stimuli of a batch and m̄ its mean over neurons";
    ],
    example: "type = \"forward_forward\"",
    impl RuleSpec for ForwardForward {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            let Some(classes) = site.classes.filter(|&classes| classes >= 2) else {
                let message =
                    "`forward_forward` needs a stimulus with at least two classes";
                return Err(Error::config("type", message));
            };
            Ok(Box::new(Labelled { spec: self.clone(), classes }))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_pooling(Pooling::Keep).with_prepared(doubled).with_labels()
        }
    }
}

/// Forward-Forward in one module.
pub struct Labelled {
    spec: ForwardForward,
    classes: usize,
}

impl Labelled {
    fn contrast(&self) -> Goodness {
        let (threshold, sum) = (self.spec.threshold, self.spec.goodness == Over::Sum);
        Goodness { positive: threshold, negative: threshold, sum, peers: self.spec.peer_normalisation }
    }

    /// Writes `value(stimulus, class)` on the position of every class, or adds the wave of the class with this
    /// amplitude.
    fn write(&self, shape: MapShape, values: &mut [f32], value: impl Fn(usize, usize) -> f32) {
        if self.spec.label == Label::Wave {
            let waves: Vec<Vec<f32>> =
                (0..self.classes).map(|class| wave(shape, class, self.classes)).collect();
            for (sample, stimulus) in values.chunks_exact_mut(shape.positions() * shape.channels).enumerate()
            {
                for (class, wave) in waves.iter().enumerate() {
                    let amplitude = value(sample % shape.batch, class);
                    let positions = stimulus.chunks_exact_mut(shape.channels).zip(wave);
                    positions.filter(|_| amplitude != 0.0).for_each(|(position, wave)| {
                        position.iter_mut().for_each(|value| *value += amplitude * wave);
                    });
                }
            }
            return;
        }
        for (sample, stimulus) in values.chunks_exact_mut(shape.positions() * shape.channels).enumerate() {
            let positions = stimulus.chunks_exact_mut(shape.channels).take(self.classes);
            positions
                .enumerate()
                .for_each(|(class, position)| position.fill(value(sample % shape.batch, class)));
        }
    }

    /// The stimuli with a label written on each.
    fn written(&self, shape: MapShape, values: &[f32], labels: &[u32]) -> Vec<f32> {
        let mut values = values.to_vec();
        let label = |stimulus: usize, class| {
            if labels[stimulus] as usize == class { self.spec.strength } else { 0.0 }
        };
        self.write(shape, &mut values, label);
        values
    }

    /// Checks that every class has its own position, or its own wave.
    fn fits(&self, shape: MapShape) -> Result<()> {
        let (wave, [_, rows, columns]) = (self.spec.label == Label::Wave, shape.extent);
        let message = if wave && rows.min(columns) < 2 {
            format!(
                "on a map of {:?}, waves of several classes are the same, because it has one row or one column: use \
                 label = \"positions\"",
                shape.extent
            )
        } else if shape.is_empty() || (!wave && shape.positions() < self.classes) {
            format!(
                "a map of {:?} has too few positions for {} classes: use larger stimuli, or label = \"wave\"",
                shape.extent, self.classes
            )
        } else {
            return Ok(());
        };
        Err(Error::shape("rule forward_forward", message))
    }
}

/// The wave of a class, position by position. The directions of the classes divide half a turn evenly; a wave has two,
/// three or four periods across the map.
fn wave(shape: MapShape, class: usize, classes: usize) -> Vec<f32> {
    let [t, y, x] = shape.extent;
    let angle = std::f32::consts::PI * class as f32 / classes as f32;
    let turn = std::f32::consts::TAU * (2 + class % 3) as f32;
    let at = |row: usize, column: usize| {
        let (row, column) = (row as f32 / y as f32, column as f32 / x as f32);
        (turn * (angle.cos() * column + angle.sin() * row)).cos()
    };
    let plane = || (0..y).flat_map(|row| (0..x).map(move |column| (row, column)));
    (0..t).flat_map(|_| plane()).map(|(row, column)| at(row, column)).collect()
}

impl PlasticityRule for Labelled {
    fn prepares(&self) -> bool {
        true
    }

    fn prepare(
        &mut self,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        let shape = input.shape();
        let classes = self.classes;
        let fits = |labels: &&[u32]| {
            labels.len() == shape.batch && labels.iter().all(|&label| (label as usize) < classes)
        };
        let found = labels.map_or(0, <[u32]>::len);
        let labels = labels.filter(fits).ok_or_else(|| {
            let message = if found > shape.batch {
                "writes one label on a stimulus, but these stimuli have a label for each frame: use [stimulus] label = \
                 \"speaker\", or another rule"
                    .to_owned()
            } else {
                format!("expected a label below {classes} for each of {} stimuli", shape.batch)
            };
            Error::shape("rule forward_forward", message)
        })?;
        self.fits(shape)?;
        let wrong = draws.wrong_labels(labels, classes);
        let values = input.data().to_vec()?;
        let [right, wrong] = [labels, &wrong].map(|labels| self.written(shape, &values, labels));
        side_by_side(&input, &right, &wrong)
    }

    fn prepare_probe(&self, input: &FeatureMap) -> Result<Option<FeatureMap>> {
        self.fits(input.shape())?;
        let mut values = input.data().to_vec()?;
        self.write(input.shape(), &mut values, |_, _| self.spec.strength / self.classes as f32);
        let data = Buffer::from_vec(input.data().device(), values)?;
        FeatureMap::new(input.shape(), data).map(Some)
    }

    fn with_class(&self, input: &FeatureMap, class: u32) -> Result<Option<FeatureMap>> {
        let shape = input.shape();
        self.fits(shape)?;
        let values = self.written(shape, &input.data().to_vec()?, &vec![class; shape.batch]);
        FeatureMap::new(shape, Buffer::from_vec(input.data().device(), values)?).map(Some)
    }

    fn goodness(&self, target: &Representation) -> Result<Option<Vec<f32>>> {
        self.contrast().of(target).map(Some)
    }

    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        self.contrast().update("forward_forward", signals)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        self.contrast().loss("forward_forward", signals).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::draws;
    use plasticity_core::device::Device;
    use plasticity_core::representation::RepresentationShape;

    #[test]
    fn positives_carry_their_label_and_negatives_another() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), vec![0.5; shape.len()]).unwrap();
        let mut rule = Labelled { spec: ForwardForward::default(), classes: 3 };
        let input = FeatureMap::new(shape, data).unwrap();
        let made = rule.prepare(input, Some(&[2, 0]), &mut draws()).unwrap();
        assert_eq!(made.shape(), doubled(shape));
        let values = made.into_data().to_vec().unwrap();
        let label = |stimulus: usize| {
            let labels: Vec<f32> = (0..3).map(|class| values[stimulus * 8 + class * 2]).collect();
            assert_eq!(labels.iter().sum::<f32>(), 1.0);
            assert_eq!(values[stimulus * 8 + 6..stimulus * 8 + 8], [0.5, 0.5]);
            labels.iter().position(|&value| value == 1.0).unwrap()
        };
        assert_eq!((label(0), label(1)), (2, 0));
        assert!(label(2) != 2 && label(3) != 0);
    }

    #[test]
    fn probes_see_a_neutral_label() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), vec![0.5; shape.len()]).unwrap();
        let spec = ForwardForward { strength: 3.0, ..ForwardForward::default() };
        let rule = Labelled { spec, classes: 3 };
        let input = FeatureMap::new(shape, data).unwrap();
        let made = rule.prepare_probe(&input).unwrap().unwrap();
        assert_eq!(made.shape(), shape);
        let values = made.into_data().to_vec().unwrap();
        assert_eq!(values, [[1.0; 6].as_slice(), &[0.5; 2]].concat().repeat(2));
        let error = Labelled { classes: 5, ..rule }.prepare_probe(&input).unwrap_err().to_string();
        assert!(error.contains("use larger stimuli, or label = \"wave\""), "{error}");
    }

    #[test]
    fn waves_without_a_plane_and_labels_of_frames_are_refused_with_the_remedy() {
        let input = |extent: [usize; 3]| {
            let shape = MapShape { time: 1, location: 1, batch: 2, extent, channels: 1 };
            let data = Buffer::zeros(&Device::open().unwrap(), shape.len()).unwrap();
            FeatureMap::new(shape, data).unwrap()
        };
        let rule =
            |label| Labelled { spec: ForwardForward { label, ..ForwardForward::default() }, classes: 3 };
        for extent in [[8, 1, 1], [1, 1, 8], [1, 8, 1]] {
            let error = rule(Label::Wave).prepare_probe(&input(extent)).unwrap_err().to_string();
            assert!(error.contains("use label = \"positions\""), "{extent:?}: {error}");
        }
        rule(Label::Wave).prepare_probe(&input([1, 2, 2])).unwrap();
        let frames = rule(Label::Positions).prepare(input([8, 1, 1]), Some(&[0; 8]), &mut draws());
        let error = frames.unwrap_err().to_string();
        assert!(error.contains("label = \"speaker\""), "{error}");
    }

    #[test]
    fn a_class_is_written_as_in_learning_and_goodness_is_of_each_stimulus() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 1 };
        let device = Device::open().unwrap();
        let data = Buffer::from_vec(&device, vec![0.5; shape.len()]).unwrap();
        let spec = ForwardForward { strength: 3.0, goodness: Over::Sum, ..ForwardForward::default() };
        let rule = Labelled { spec, classes: 3 };
        let made = rule.with_class(&FeatureMap::new(shape, data).unwrap(), 1).unwrap().unwrap();
        assert_eq!(made.data().to_vec().unwrap(), [0.0, 3.0, 0.0, 0.5].repeat(2));
        // Two places of two neurons; goodness is a sum over neurons of means over places.
        let of = RepresentationShape { time: 1, location: 2, batch: 2, channel: 2 };
        let data = Buffer::from_vec(&device, vec![1.0, 2.0, 0.0, 1.0, 3.0, 0.0, 0.0, 0.0]).unwrap();
        let goodness = rule.goodness(&Representation::new(of, data).unwrap()).unwrap();
        assert_eq!(goodness, Some(vec![7.0, 0.5]));
    }

    #[test]
    fn waves_differ_by_class_and_reach_every_part_of_the_map() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 8, 8], channels: 2 };
        let data = Buffer::from_vec(&Device::open().unwrap(), vec![0.5; shape.len()]).unwrap();
        let spec = ForwardForward { strength: 2.0, label: Label::Wave, ..ForwardForward::default() };
        let mut rule = Labelled { spec, classes: 10 };
        let input = FeatureMap::new(shape, data).unwrap();
        let made = rule.prepare(input.clone(), Some(&[2, 0]), &mut draws()).unwrap();
        let values = made.into_data().to_vec().unwrap();
        for (sample, class) in [2, 0].into_iter().enumerate() {
            let expected = wave(shape, class, 10).into_iter().flat_map(|wave| [0.5 + 2.0 * wave; 2]);
            assert_eq!(values[sample * 128..(sample + 1) * 128], expected.collect::<Vec<_>>()[..]);
        }
        for class in 0..10 {
            let own = wave(shape, class, 10);
            // Every window of 3×3 sees the wave, and no other class has the same one.
            for (row, column) in (0..6).flat_map(|row| (0..6).map(move |column| (row, column))) {
                let window = (0..9).map(|at| own[(row + at / 3) * 8 + column + at % 3].abs());
                assert!(window.fold(0.0, f32::max) > 0.4, "{class}: {row} {column}");
            }
            assert!((0..class).all(|other| wave(shape, other, 10) != own));
        }
        let neutral = rule.prepare_probe(&input).unwrap().unwrap().into_data().to_vec().unwrap();
        let mean: f32 = (0..10).map(|class| wave(shape, class, 10)[9]).sum::<f32>() / 10.0;
        assert!((neutral[18] - (0.5 + 2.0 * mean)).abs() < 1e-5);
    }
}
