//! Messages of wrong configs, word for word, with plugins that only these tests have.

use super::*;
use plasticity_core::device::Device;
use plasticity_core::draws::Side;
use plasticity_core::layer::{EncoderLayer, EncoderPreset, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::plasticity::{PlasticityRule, Site};
use plasticity_core::random::Random;
use plasticity_core::score::{ScoreFunction, ScoreSpec, Transport};
use plasticity_core::stimulus::{Split, Stimulus};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sampling {
    Uniform,
    Local,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRule {
    #[serde(default)]
    steps: u32,
    sampling: Sampling,
    #[serde(default)]
    gain: Option<f32>,
    #[serde(default)]
    negatives: Negatives,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<Box<dyn ScoreSpec>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Negatives {
    #[default]
    None,
    Random {
        count: usize,
    },
}

plasticity_core::plugin! {
    Rule "config_test_rule": "For tests of configs",
    equation: "", citation: "",
    keys: [
        steps = "0", "0..", "";
        sampling = "", "uniform | local", "";
        gain = "", "> 0", "";
        negatives = "{ type = \"none\" }", "{ type = none } | { type = random, count = 1..=64 }", "";
        score = "", "a score", "";
    ],
    example: "",
    impl RuleSpec for TestRule {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Err(Error::config("rule", "is for tests of configs only"))
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestStimulus {
    path: String,
}

plasticity_core::plugin! {
    Stimulus "config_test_stimulus": "For tests of configs",
    equation: "", citation: "", keys: [path = "", "folder", ""], example: "",
    impl StimulusSpec for TestStimulus {
        fn open(&self, _: Split, _: u64) -> Result<Box<dyn Stimulus>> {
            Err(Error::config("stimulus", "is for tests of configs only"))
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestLayer {
    channels: usize,
}

plasticity_core::plugin! {
    Layer "config_test_layer": "For tests of configs",
    equation: "", citation: "", keys: [channels = "", "1..=65536", ""], example: "",
    impl LayerSpec for TestLayer {
        fn build(&self, _: MapShape, _: &Device, _: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            Err(Error::config("layer", "is for tests of configs only"))
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestPreset {
    widths: Vec<usize>,
}

plasticity_core::plugin! {
    Preset "config_test_preset": "For tests of configs",
    equation: "", citation: "", keys: [widths = "", "list of 1..=65536", ""], example: "",
    impl EncoderPreset for TestPreset {
        fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>> {
            Ok(self.widths.iter().map(|&channels| Box::new(TestLayer { channels }) as Box<dyn LayerSpec>).collect())
        }
    }
}

/// A score that may contain another one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestScore {
    #[serde(default)]
    initial: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inner: Option<Box<dyn ScoreSpec>>,
}

plasticity_core::plugin! {
    Score "config_test_score": "For tests of configs",
    equation: "", citation: "",
    keys: [initial = "0.0", "[0, 1]", ""; inner = "", "a score", ""],
    example: "",
    impl ScoreSpec for TestScore {
        fn build(&self, _: Side, _: usize, _: usize, _: &Device, _: &mut Random) -> Result<Box<dyn ScoreFunction>> {
            Err(Error::config("initial", "is for tests of configs only"))
        }

        fn transport(&self) -> Transport {
            Transport::Shared
        }
    }
}

const GOOD: &str = r#"seed = 2
[stimulus]
type = "config_test_stimulus"
path = "data"
[encoder]
preset = "config_test_preset"
widths = [8, 16]
modules = [[1], [2]]
[rule]
type = "config_test_rule"
sampling = "local"
gain = 2e-4
negatives = { type = "random", count = 16 }
[training]
epochs = 3
optimiser = { type = "adam", rate = 2e-4 }
"#;

fn message(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Config::parse(&GOOD.replacen(from, to, 1), "c.toml").unwrap_err().to_string()
}

#[test]
fn a_config_survives_being_written_and_read() {
    let config = Config::parse(GOOD, "c.toml").unwrap();
    let text = config.to_toml().unwrap();
    assert!(text.contains("rate = 0.0002") && text.contains("batch = 32"), "{text}");
    let again = Config::parse(&text, "config.toml").unwrap();
    assert_eq!(again.to_toml().unwrap(), text);
    assert_eq!(again.fingerprint().unwrap(), config.fingerprint().unwrap());
    assert_eq!(again.encoder.modules, config.encoder.modules);
}

#[test]
fn the_fingerprint_covers_what_weights_depend_on() {
    let fingerprint = |from: &str, to: &str| {
        Config::parse(&GOOD.replacen(from, to, 1), "c").unwrap().fingerprint().unwrap()
    };
    let own = fingerprint("seed = 2", "seed = 2");
    assert_ne!(fingerprint("seed = 2", "seed = 3"), own);
    assert_ne!(fingerprint("count = 16", "count = 15"), own);
    assert_ne!(fingerprint("epochs = 3", "epochs = 3\npresentations = 2"), own);
    assert_ne!(fingerprint("rate = 2e-4", "rate = 1e-4"), own);
    assert_eq!(fingerprint("epochs = 3", "epochs = 4"), own);
    assert_eq!(fingerprint("\"data\"", "\"elsewhere\""), own);
}

#[test]
fn layers_can_be_listed() {
    let layers = "layers = [{ type = \"config_test_layer\", channels = 4 }]";
    let text = GOOD
        .replace("preset = \"config_test_preset\"\n", "")
        .replace("widths = [8, 16]", layers)
        .replace("[[1], [2]]", "\"layerwise\"");
    let config = Config::parse(&text, "c.toml").unwrap();
    assert_eq!(Config::parse(&config.to_toml().unwrap(), "c").unwrap().encoder.layers.len(), 1);
    let wrong = text.replace("config_test_layer", "config_test_lajer");
    let error = Config::parse(&wrong, "c.toml").unwrap_err().to_string();
    assert!(error.starts_with("c.toml:6: encoder.layers.0.type: unknown layer `config_test_lajer`: did you mean `config_test_layer`?"), "{error}");
}

#[test]
fn unknown_names_are_placed_and_the_nearest_offered() {
    let error = message("type = \"config_test_rule\"", "type = \"config_test_rul\"");
    assert!(
        error.starts_with(
            "c.toml:10: rule.type: unknown rule `config_test_rul`: did you mean `config_test_rule`? known are "
        ),
        "{error}"
    );
    let error = message("\"config_test_stimulus\"", "\"config_test_stimuli\"");
    assert!(error.starts_with("c.toml:3: stimulus.type: unknown stimulus `config_test_stimuli`"), "{error}");
    let error = message("\"config_test_preset\"", "\"vgg7\"");
    assert!(error.starts_with("c.toml:6: encoder.preset: unknown preset `vgg7`: "), "{error}");
    let error = message("type = \"config_test_rule\"", "");
    assert!(
        error.starts_with("c.toml:9: rule: needs the key `type`, the name of a rule; known are "),
        "{error}"
    );
    assert_eq!(
        message("\"random\"", "\"rendom\""),
        "c.toml:13: rule.negatives.type: unknown value `rendom`: did you mean `random`? known are none, random"
    );
    assert_eq!(
        message("\"adam\"", "\"adem\""),
        "c.toml:16: training.optimiser.type: unknown value `adem`: did you mean `adam`? known are adam, adamw, sgd, lars, hebbian"
    );
}

#[test]
fn unknown_keys_are_placed_and_the_nearest_offered() {
    assert_eq!(
        message("[training]", "[trainning]"),
        "c.toml:14: trainning: unknown key `trainning`: did you mean `training`? known are extends, seed, stimulus, encoder, rule, training, probe, observers"
    );
    assert_eq!(
        message("gain", "gains"),
        "c.toml:12: rule.gains: unknown key `gains`: did you mean `gain`? known are steps, sampling, gain, negatives, score"
    );
    assert_eq!(
        message("epochs", "epoch"),
        "c.toml:15: training.epoch: unknown key `epoch`: did you mean `epochs`? known are epochs, batch, presentations, optimiser, module_rates, layer_rates, schedule, turns, init, init_layers, steps, checkpoint_every, keep, keep_best, best_by, log_every, threads, precision, patience, metrics_csv, parallel, negatives, rank_limit"
    );
    assert_eq!(
        message("count = 16", "count = 16, kind = 1"),
        "c.toml:13: rule.negatives.kind: unknown key `kind`: known are count"
    );
}

#[test]
fn what_is_given_for_each_module_must_be_there_for_each() {
    let with = |line: &str| message("epochs = 3", &format!("epochs = 3\n{line}"));
    assert_eq!(
        with("turns = [{ steps = 1 }]"),
        "c.toml:16: training.turns: 1 turns for 2 modules: give one for each module"
    );
    assert_eq!(
        with("schedule = [{}, {}, {}]"),
        "c.toml:16: training.schedule: 3 values for 2 modules: give one, or one for each module"
    );
    assert_eq!(
        with("schedule = [{}, { decay = { type = \"exponential\" } }]"),
        "c.toml:16: training.schedule.1.decay: needs the key `to`"
    );
    let free = |key: &str| with(&format!("parallel = \"free_pipeline\"\n{key}"));
    let error = free("turns = [{ steps = 1 }, { steps = 1 }]");
    assert!(
        error.starts_with("c.toml:16: training.parallel: ") && error.contains("training.turns"),
        "{error}"
    );
    let error = with("init = \"run\"\ninit_layers = []");
    assert!(error.starts_with("c.toml:17: training.init_layers: names no layer"), "{error}");
    let error = free("keep_best = 1");
    assert!(error.contains("training.parallel: ") && error.contains("best_by"), "{error}");
    let by_probe = "epochs = 3\nparallel = \"free_pipeline\"\nkeep_best = 1\nbest_by = \"probe\"";
    assert!(Config::parse(&GOOD.replacen("epochs = 3", by_probe, 1), "c.toml").is_ok());
    let optimiser = |list: &str| message("{ type = \"adam\", rate = 2e-4 }", list);
    assert_eq!(
        optimiser("[{ type = \"adam\", rate = 1.0 }, { type = \"sgd\", rate = 0 }]"),
        "c.toml:16: training.optimiser.1.rate: expected a number > 0, got 0"
    );
    assert_eq!(
        optimiser("[{ type = \"sgd\", rate = 1.0 }]"),
        "c.toml:16: training.optimiser: 1 values for 2 modules: give one, or one for each module"
    );
}

#[test]
fn wrong_types_and_ranges_are_placed() {
    assert_eq!(
        message("gain = 2e-4", "gain = \"high\""),
        "c.toml:12: rule.gain: expected a number > 0, got \"high\""
    );
    assert_eq!(
        message("count = 16", "count = -1"),
        "c.toml:13: rule.negatives.count: expected a whole number in 1..=64, got -1"
    );
    assert_eq!(
        message("epochs = 3", "epochs = \"three\""),
        "c.toml:15: training.epochs: expected a whole number of at least 1, got \"three\""
    );
    assert_eq!(
        message("epochs = 3", "epochs = 0"),
        "c.toml:15: training.epochs: expected a whole number of at least 1, got 0"
    );
    assert_eq!(
        message("rate = 2e-4", "rate = -1.0"),
        "c.toml:16: training.optimiser.rate: expected a number > 0, got -1"
    );
    assert_eq!(
        message("seed = 2", "seed = -2"),
        "c.toml:1: seed: expected a whole number of at least 0, got -2"
    );
    assert_eq!(message("path = \"data\"\n", ""), "c.toml:2: stimulus: needs the key `path`");
    assert_eq!(message("epochs = 3\n", ""), "c.toml:14: training: needs the key `epochs`");
    assert_eq!(message(", rate = 2e-4", ""), "c.toml:16: training.optimiser: needs the key `rate`");
    assert_eq!(
        message("epochs = 3", "epochs = 3\ncheckpoint_every = 3"),
        "c.toml:16: training.checkpoint_every: expected { epochs = … } or { steps = … } or { minutes = … }, got 3"
    );
    assert_eq!(
        message("epochs = 3", "epochs = 3\noptimizer = 1").split(": ").nth(2),
        Some("unknown key `optimizer`")
    );
    assert_eq!(
        message("[[1], [2]]", "[[2]]"),
        "c.toml:8: encoder.modules: layer 1 is skipped (layer 2 is in its place): name each layer once, in order"
    );
    assert!(message("[[1], [2]]", "[1, 2]").starts_with("c.toml:8: encoder.modules: expected a name"));
}

/// The error names the key of the value, at any depth, and both bounds are checked.
#[test]
fn ranges_hold_in_nested_plugins_and_name_the_path_from_the_top() {
    let with = |score: &str| message("gain = 2e-4", &format!("gain = 2e-4\nscore = {score}"));
    assert_eq!(
        with("{ type = \"config_test_score\", initial = 1.5 }"),
        "c.toml:13: rule.score.initial: expected a number in [0, 1], got 1.5"
    );
    assert_eq!(
        with("{ type = \"config_test_score\", inner = { type = \"config_test_score\", initial = -1 } }"),
        "c.toml:13: rule.score.inner.initial: expected a number in [0, 1], got -1"
    );
    assert_eq!(
        with("{ type = \"config_test_score\", inner = { type = \"config_test_score\", first = 1 } }"),
        "c.toml:13: rule.score.inner.first: unknown key `first`: known are initial, inner"
    );
    assert!(
        with("{ initial = 1 }")
            .starts_with("c.toml:13: rule.score: needs the key `type`, the name of a score")
    );
    assert_eq!(
        message("[8, 16]", "[8, 65537]"),
        "c.toml:7: encoder.widths.1: expected a whole number in 1..=65536, got 65537"
    );
    assert_eq!(
        message("\"data\"", "{ folder = \"data\" }"),
        "c.toml:4: stimulus.path: expected the path of a folder in quotes, got { folder = \"data\" }"
    );
    assert_eq!(
        message("epochs = 3", "epochs = 3\nthreads = 1025"),
        "c.toml:16: training.threads: expected a whole number in 1..=1024, got 1025"
    );
    let probe =
        |line: &str| Config::parse(&format!("{GOOD}[probe]\n{line}\n"), "c.toml").unwrap_err().to_string();
    assert_eq!(probe("dropout = 1.0"), "c.toml:18: probe.dropout: expected a number in [0, 1), got 1");
    assert_eq!(
        probe("pooling = { blocks = 0 }"),
        "c.toml:18: probe.pooling.blocks: expected a whole number of at least 1, got 0"
    );
}

#[test]
fn a_precision_is_one_that_the_device_has() {
    assert_eq!(
        message("epochs = 3", "epochs = 3\nprecision = \"fp16\""),
        "c.toml:16: training.precision: unknown value `fp16`: did you mean `bf16`? known are f32, tf32, bf16"
    );
    let with =
        |precision: &str| GOOD.replace("epochs = 3", &format!("epochs = 3\nprecision = \"{precision}\""));
    let config = Config::parse(&with("f32"), "c.toml").unwrap();
    assert_eq!(config.training.precision, Some(plasticity_core::device::Precision::F32));
    assert!(config.to_toml().unwrap().contains("precision = \"f32\""));
    if !plasticity_core::device::ON_GPU {
        assert_eq!(
            message("epochs = 3", "epochs = 3\nprecision = \"tf32\""),
            "c.toml:16: training.precision: tf32 needs a build with `--features cuda`: this build for the CPU \
                has f32 and bf16"
        );
    }
}

#[test]
fn an_override_is_named_as_the_place() {
    let mut document = Document::parse(GOOD, "c.toml").unwrap();
    document.set("rule.gain=high", &Table::new()).unwrap();
    let error = Config::from_document(document).unwrap_err().to_string();
    assert_eq!(error, "--set rule.gain=high: expected a number > 0, got \"high\"");
}
