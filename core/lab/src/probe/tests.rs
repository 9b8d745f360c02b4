//! Probes of a whole experiment, with plugins that only these tests have.

use super::*;
use crate::analysis::features_of;
use plasticity_core::draws::Draws;
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::MapShape;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Baseline, Sample, StimulusSpec};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::cell::Cell;

thread_local! {
    /// How often stimuli for probes were opened.
    static OPENED: Cell<usize> = const { Cell::new(0) };
}

/// Eight pictures of 4×4 with two classes and a baseline. In learning their values change only if they `vary`. They can
/// be parts of one recording.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pictures {
    #[serde(default)]
    vary: bool,
    #[serde(default)]
    one_recording: bool,
}

impl Stimulus for Pictures {
    fn len(&self) -> usize {
        8
    }

    fn shape(&self, batch: usize) -> MapShape {
        MapShape { time: 1, location: 1, batch, extent: [1, 4, 4], channels: 1 }
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some(vec!["even".to_owned(), "odd".to_owned()])
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        let moved = augment.filter(|_| self.vary).map_or(0.0, |random| random.random::<f32>());
        let values = (0..16).map(|place| (index % 2 * (place + 1)) as f32 + moved).collect();
        Ok(Sample { values, label: Label::Class(index as u32 % 2) })
    }

    fn recording(&self, index: usize) -> u64 {
        if self.one_recording { 7 } else { index as u64 }
    }

    fn baseline(&self) -> Option<Baseline> {
        Some(Baseline { name: "sum", channels: 1, of: |values| vec![values.iter().sum()] })
    }
}

plasticity_core::plugin! {
    Stimulus "probe_test_stimulus": "For tests of probes",
    equation: "", citation: "",
    keys: [vary = "false", "true | false", ""; one_recording = "false", "true | false", ""],
    example: "",
    impl StimulusSpec for Pictures {
        fn open(&self, split: Split, _: u64) -> Result<Box<dyn Stimulus>> {
            OPENED.set(OPENED.get() + usize::from(split != Split::Learn));
            Ok(Box::new(self.clone()))
        }
    }
}

/// Keeps every second row and column of a map with even sides.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Half {}

impl EncoderLayer for Half {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let [t, y, x] = input.extent;
        Ok(MapShape { extent: [t, y / 2, x / 2], ..input })
    }

    fn forward(&mut self, pre: &FeatureMap, _: Phase) -> Result<Activity> {
        let x = pre.shape().extent[2];
        let values = pre.data().to_vec()?;
        let kept = values.chunks(2 * x).flat_map(|rows| rows[..x].iter().step_by(2)).copied().collect();
        let shape = self.output(pre.shape())?;
        Ok(Activity::new(FeatureMap::new(shape, Buffer::from_vec(pre.data().device(), kept)?)?))
    }

    fn plasticity(
        &mut self,
        _: &FeatureMap,
        _: &FeatureMap,
        _: Trace,
        _: PostFactor,
        _: bool,
    ) -> Result<LayerUpdate> {
        Ok(LayerUpdate::new(Vec::new()))
    }
}

plasticity_core::plugin! {
    Layer "probe_test_layer": "For tests of probes",
    equation: "", citation: "", keys: [], example: "",
    impl LayerSpec for Half {
        fn build(&self, _: MapShape, _: &Device, _: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            Ok(Box::new(Half {}))
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl PlasticityRule for Nothing {
    fn update(&mut self, _: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        Err(Error::config("rule", "is for tests of probes only"))
    }
}

plasticity_core::plugin! {
    Rule "probe_test_rule": "For tests of probes",
    equation: "", citation: "", keys: [], example: "",
    impl RuleSpec for Nothing {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(Nothing {}))
        }
    }
}

const CONFIG: &str = r#"seed = 1
[stimulus]
type = "probe_test_stimulus"
[encoder]
layers = [{ type = "probe_test_layer" }, { type = "probe_test_layer" }]
[rule]
type = "probe_test_rule"
[training]
epochs = 1
batch = 4
[probe]
epochs = 1
"#;

/// A network whose maps are 2×2 and 1×1. `vary` is a line of `[stimulus]`, `keys` are lines of `[probe]`.
fn opened(vary: &str, keys: &str) -> (Experiment, Network, Device) {
    let text = CONFIG.replacen("[encoder]", &format!("{vary}\n[encoder]"), 1) + keys;
    let experiment = Experiment::open(Config::parse(&text, "c.toml").unwrap()).unwrap();
    let device = Device::open().unwrap();
    let network = experiment.network(&device).unwrap();
    (experiment, network, device)
}

/// The names of what is probed, or the error.
fn probed(vary: &str, keys: &str) -> std::result::Result<Vec<String>, String> {
    let (experiment, mut network, device) = opened(vary, keys);
    let found = probe(&experiment, &mut network, &device, &mut |_, _| {});
    found.map(|found| found.into_iter().map(|one| one.name).collect()).map_err(|error| error.to_string())
}

#[test]
fn blocks_must_fit_only_the_layers_that_are_probed() {
    assert_eq!(probed("", "layers = [1]\npooling = { blocks = 2 }").unwrap(), ["sum", "1"]);
    let error = probed("", "pooling = { blocks = 2 }").unwrap_err();
    assert!(error.contains("probe.pooling: layer 2: "), "{error}");
}

#[test]
fn a_baseline_is_probed_only_with_the_input() {
    assert_eq!(probed("", "").unwrap(), ["sum", "1", "2"]);
    assert_eq!(probed("", "input = false").unwrap(), ["1", "2"]);
}

#[test]
fn versions_must_vary() {
    assert_eq!(probed("vary = true", "augment = 2").unwrap(), ["sum", "1", "2"]);
    let error = probed("", "augment = 2").unwrap_err();
    assert!(error.contains("probe.augment: these stimuli do not vary"), "{error}");
}

#[test]
fn pictures_of_one_recording_are_held_out_together() {
    assert_eq!(probed("", "validation = 0.5").unwrap(), ["sum", "1", "2"]);
    let error = probed("one_recording = true", "validation = 0.5").unwrap_err();
    assert!(error.contains("probe.validation: would hold out all 8 training stimuli"), "{error}");
}

#[test]
fn the_majority_is_that_of_training() {
    assert_eq!(majority(&[0, 0, 1], &[0, 1, 1, 1], 2), 25.0);
}

#[test]
fn steps_that_cannot_be_normalised_are_found_before_a_run() {
    let (experiment, network, _) = opened("", "batch_norm = true\nbatch = 1");
    let error = plan(&experiment, &network).err().unwrap().to_string();
    assert!(error.contains("probe.batch: with probe.batch_norm"), "{error}");
}

#[test]
fn neighbours_held_out_recordings_and_rates_are_checked_before_a_run() {
    let refused = |stimulus: &str, keys: &str| {
        let (experiment, network, _) = opened(stimulus, keys);
        plan(&experiment, &network).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let frozen =
        "schedule = { warm_up = { epochs = 2 }, over = { epochs = 2 }, decay = { type = \"linear\" } }";
    for (stimulus, keys, expected) in [
        ("", "neighbours = 9", "probe.neighbours: expected 1 to 8, the number of training stimuli, got 9"),
        ("vary = true", "neighbours = 17\naugment = 2", "expected 1 to 16, the number of versions"),
        ("one_recording = true", "validation = 0.5", "probe.validation: would hold out all 8"),
        ("", frozen, "probe.schedule.over: "),
    ] {
        let error = refused(stimulus, keys);
        assert!(error.contains(expected), "{keys}: {error}");
    }
    assert_eq!(refused("vary = true", "neighbours = 16\naugment = 2\nvalidation = 0.9"), "");
    assert_eq!(refused("", &frozen.replace("over = { epochs = 2 }", "over = { steps = 9 }")), "");
}

#[test]
fn a_rule_without_goodness_needs_no_stimuli_for_it() {
    let (experiment, mut network, device) = opened("", "");
    OPENED.set(0);
    assert!(goodness(&experiment, &mut network, &device, &mut |_, _| {}).unwrap().is_none());
    assert_eq!(OPENED.get(), 0);
}

#[test]
fn features_of_one_layer_have_the_pooling_that_is_asked_for() {
    let (_, mut network, device) = opened("", "");
    let stimulus: Arc<dyn Stimulus> = Arc::new(Pictures::default());
    let found = features_of(&mut network, &stimulus, (3, None), &device, (0, Pooling::Keep)).unwrap();
    let layer = found.layer(0).unwrap();
    assert_eq!(layer.values, [[0.0; 4], [1.0, 3.0, 9.0, 11.0]].concat().repeat(4));
    assert_eq!((layer.channels, layer.labels), (4, &[0, 1, 0, 1, 0, 1, 0, 1][..]));
    let all = found.held_out(1.0, |stimulus| stimulus as u64, &mut stream(1, &[]));
    assert_eq!(all, (0..8).collect::<Vec<_>>());
}

#[test]
fn frames_with_a_label_are_rows() {
    struct Frames;
    impl Stimulus for Frames {
        fn len(&self) -> usize {
            5
        }
        fn shape(&self, batch: usize) -> MapShape {
            MapShape { time: 1, location: 1, batch, extent: [4, 1, 1], channels: 1 }
        }
        fn sample(&self, _: usize, _: Option<&mut Random>) -> Result<Sample> {
            let label = Label::Frames(vec![Some(0), None, Some(1), Some(1)]);
            Ok(Sample { values: vec![0.0; 4], label })
        }
    }
    assert_eq!((features::rows(&Frames).unwrap(), most_rows(&Frames).unwrap()), (15, 20));
    assert_eq!(features::rows(&Pictures::default()).unwrap(), 8);
}
