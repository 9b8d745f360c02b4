//! The paper's marks of locality, from measurement; and planted rules that are not local are caught.
#![allow(clippy::unwrap_used, reason = "a test's helpers")]

use plasticity_tests as _;

use plasticity_core::device::{Device, Precision};
use plasticity_core::draws::Draws;
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::MapShape;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::Random;
use plasticity_core::{Result, ops};
use plasticity_lab::audit::{Audit, AuditBench, audit};
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use serde_json::json;
use std::ops::Range;

fn layers() -> Vec<Box<dyn LayerSpec>> {
    [6, 6, 8, 8, 8, 8]
        .iter()
        .map(|channels| json!({ "type": "conv2d", "channels": channels, "kernel": 3, "padding": 1 }))
        .map(|spec| serde_json::from_value(spec).unwrap())
        .collect()
}

fn measure(rule: &dyn RuleSpec, modules: &[Range<usize>]) -> Audit {
    let batch = AuditBench::batch_for(rule);
    let input = MapShape { time: 4, location: 2, batch, extent: [1, 4, 4], channels: 1 };
    measure_on(input, rule, modules)
}

fn measure_on(input: MapShape, rule: &dyn RuleSpec, modules: &[Range<usize>]) -> Audit {
    let layers: Vec<_> = layers().into_iter().take(modules.last().unwrap().end).collect();
    measure_layers(input, &layers, rule, modules)
}

fn measure_layers(
    input: MapShape,
    layers: &[Box<dyn LayerSpec>],
    rule: &dyn RuleSpec,
    modules: &[Range<usize>],
) -> Audit {
    let device = Device::open().unwrap();
    device.set_precision(Precision::F32).unwrap();
    let optimiser = OptimiserSpec::default();
    let plan = NetworkPlan {
        layers,
        modules,
        rule,
        optimiser: optimiser.into(),
        module_rates: None,
        input,
        classes: Some(3),
        seed: 5,
    };
    let network = Network::build(&plan, &device).unwrap();
    audit(&mut AuditBench::new(network, input, 3, 5).unwrap()).unwrap()
}

fn of(rule: serde_json::Value, modules: &[Range<usize>]) -> Audit {
    let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
    measure(rule.as_ref(), modules)
}

fn marks(audit: &Audit) -> (bool, bool, bool) {
    (audit.space.unwrap(), audit.time.unwrap(), audit.weight_transport.unwrap())
}

fn single() -> Vec<Range<usize>> {
    (0..6).map(|layer| layer..layer + 1).collect()
}

/// (method, modules) → local in space, local in time: the paper's Table 1; and whether weights are transported.
#[test]
fn the_papers_marks() {
    let one = vec![0..6; 1];
    let steps = |name: &str, negatives: serde_json::Value| {
        let mut spec = json!({ "type": name, "prediction_steps": 2, "skip": 1 });
        if !negatives.is_null() {
            spec["negatives"] = negatives;
        }
        spec
    };
    let random = json!({ "type": "random", "count": 4 });
    let own = serde_json::Value::Null;
    let cases = [
        ("cpc", of(steps("cpc", random.clone()), &one), (false, false, true)),
        ("gim", of(steps("gim", random.clone()), &single()), (false, false, true)),
        ("hinge_cpc", of(steps("hinge_cpc", random.clone()), &one), (false, false, true)),
        ("clapp_s, 2 modules", of(steps("clapp_s", random.clone()), &[0..3, 3..6]), (false, false, true)),
        (
            "clapp_s, 3 modules",
            of(steps("clapp_s", random.clone()), &[0..2, 2..4, 4..6]),
            (false, false, true),
        ),
        ("clapp_s", of(steps("clapp_s", random.clone()), &single()), (true, false, true)),
        ("hinge_cpc_time_local", of(steps("hinge_cpc_time_local", own.clone()), &one), (false, true, true)),
        ("clapp", of(steps("clapp", own.clone()), &single()), (true, true, false)),
        ("supervised", of(json!({ "type": "supervised" }), &one), (false, true, true)),
        ("greedy_supervised", of(json!({ "type": "greedy_supervised" }), &single()), (true, true, true)),
        ("random", of(json!({ "type": "random" }), &single()), (true, true, false)),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(_, found, paper)| marks(found) != *paper).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Weights that begin alike send nothing anywhere. An image that meets several others in a step is not local in time: where
/// prediction steps or places draw their own, but not where a saccade lands anywhere in one other image.
#[test]
fn marks_of_what_is_drawn_otherwise() {
    let of = |changes: serde_json::Value| {
        let mut rule = json!({ "type": "clapp", "prediction_steps": 2, "skip": 0 });
        rule.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        marks(&of(rule, &single()[..2]))
    };
    let other = |key: &str, value: &str| json!({ "negatives": { "type": "other_sample", key: value } });
    assert_eq!(of(json!({ "type": "clapp_twin" })), (true, true, false));
    assert_eq!(of(json!({ "type": "clapp_paired" })), (true, true, false));
    let three = json!({ "type": "clapp_paired", "signs": { "alternate": 2 } });
    assert_eq!(of(three), (true, true, false));
    assert_eq!(of(other("at", "any")), (true, true, false));
    assert_eq!(of(other("each", "place")), (true, false, false));
    assert_eq!(of(json!({ "draws": "module" })), (true, false, false));
}

/// A fixation and a saccade in one step: local in space, not in time, as CLAPP-s. Contexts get nothing back through the
/// prediction weights unless all layers share one loss.
#[test]
fn marks_on_two_views() {
    let views = MapShape { time: 1, location: 1, batch: 8, extent: [1, 4, 4], channels: 1 };
    let marks = |rule: serde_json::Value, modules: &[Range<usize>]| {
        let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
        let found = measure_on(views, rule.as_ref(), modules);
        (marks(&found), found)
    };
    for context in ["same", "top", "both"] {
        for pool in [0, 2] {
            let rule = json!({ "type": "clapp_pp", "context": context, "pool": pool });
            let (marks, found) = marks(rule, &single()[..3]);
            assert_eq!(marks, (true, false, false), "{context}, {pool}: {found:?}");
        }
    }
    let (marks, found) = marks(json!({ "type": "clapp_pp_backprop" }), std::slice::from_ref(&(0..3)));
    assert_eq!(marks, (false, false, true), "{found:?}");
}

fn specs(layers: serde_json::Value) -> Vec<Box<dyn LayerSpec>> {
    serde_json::from_value(layers).unwrap()
}

/// The target of a first layer that is the context is the input itself.
#[test]
fn a_recurrent_first_layer_is_measured() {
    let sound = MapShape { time: 1, location: 1, batch: 4, extent: [16, 1, 1], channels: 3 };
    let rule =
        json!({ "type": "clapp_s", "prediction_steps": 2, "negatives": { "type": "random", "count": 4 } });
    let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
    let found = measure_layers(
        sound,
        &specs(json!([{ "type": "gru", "hidden": 6, "gradient": "eprop" }])),
        rule.as_ref(),
        std::slice::from_ref(&(0..1)),
    );
    assert_eq!((found.learns, found.time), (true, Some(false)), "{found:?}");
}

/// A residual block has no `weight`, but weights of several names.
#[test]
fn weight_transport_is_found_in_layers_of_any_parameters() {
    let patches = MapShape { time: 4, location: 2, batch: 4, extent: [1, 4, 4], channels: 1 };
    let block = json!({ "type": "residual", "width": 4, "expansion": 1, "stride": 1 });
    let transport = |rule: serde_json::Value| {
        let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
        let found = measure_layers(patches, &specs(json!([block, block])), rule.as_ref(), &[0..1, 1..2]);
        found.weight_transport
    };
    let negatives = json!({ "type": "random", "count": 4 });
    let steps = json!({ "type": "clapp_s", "prediction_steps": 2, "skip": 1, "negatives": negatives });
    assert_eq!(transport(steps), Some(true));
    assert_eq!(transport(json!({ "type": "greedy_supervised" })), Some(true));
}

/// In deep networks fixations and saccades nearly cancel, and rounding is large beside what is left of an update.
#[test]
fn rounding_is_no_effect() {
    let views = MapShape { time: 1, location: 1, batch: 8, extent: [1, 32, 32], channels: 3 };
    let layers: Vec<Box<dyn LayerSpec>> = [(6, true), (6, true), (8, true), (8, false)]
        .iter()
        .map(|(channels, pooled)| {
            let mut layer = json!({ "type": "conv2d", "channels": channels, "kernel": 3, "padding": 1 });
            if *pooled {
                layer["max_pool"] = json!({ "size": 2 });
            }
            serde_json::from_value(layer).unwrap()
        })
        .collect();
    for (rule, local) in [("clapp_pp", true), ("infonce", false)] {
        for pool in [0, 2] {
            let rule = json!({ "type": rule, "pool": pool });
            let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
            let modules: Vec<_> = if local { (0..4).map(|l| l..l + 1).collect() } else { vec![0..4; 1] };
            let found = measure_layers(views, &layers, rule.as_ref(), &modules);
            let third = found.evidence.third_stimulus.unwrap();
            assert_eq!(third == 0.0, local, "{found:?}");
        }
    }
}

/// CLAPP-s with something added to its post factor.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Planted {
    inner: Box<dyn RuleSpec>,
    what: What,
}

#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum What {
    /// Every neuron's factor has the mean activity of the whole layer taken off.
    MeanOfLayer,
    /// Every stimulus' factor is divided by the size of the factors of the whole batch.
    SizeOfBatch,
}

struct PlantedRule {
    inner: Box<dyn PlasticityRule>,
    what: What,
}

#[typetag::serde(name = "planted")]
impl RuleSpec for Planted {
    fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
        Ok(Box::new(PlantedRule { inner: self.inner.build(site, random)?, what: self.what }))
    }
}

impl PlasticityRule for PlantedRule {
    fn update(&mut self, signals: &Signals, draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let mut update = self.inner.update(signals, draws)?;
        match self.what {
            What::MeanOfLayer => {
                let channels = signals.target.shape().channel;
                let mut values = update.target.to_vec()?;
                for (factor, post) in
                    values.chunks_mut(channels).zip(signals.target.data().to_vec()?.chunks(channels))
                {
                    let mean = post.iter().sum::<f32>() / channels as f32;
                    factor.iter_mut().for_each(|factor| *factor -= 0.1 * mean);
                }
                update.target.copy_from_host(&values)?;
            }
            What::SizeOfBatch => {
                let size = update.target.to_vec()?.iter().map(|v| v * v).sum::<f32>().sqrt();
                ops::scale(&mut update.target, 1.0 / size.max(1e-12))?;
            }
        }
        Ok(update)
    }

    fn parameters(&mut self) -> Vec<&mut plasticity_core::parameter::Parameter> {
        self.inner.parameters()
    }
}

/// The paper's encoder for speech at small widths, on 1,280 samples: five convolutions and a GRU.
fn of_speech(rule: serde_json::Value, modules: &[Range<usize>], layers: usize) -> Audit {
    let conv = |kernel: usize, stride: usize, padding: usize| json!({ "type": "conv1d", "channels": 6, "kernel": kernel, "stride": stride, "padding": padding });
    let gru = json!({ "type": "gru", "hidden": 5 });
    let all = [conv(10, 5, 2), conv(8, 4, 2), conv(4, 2, 2), conv(4, 2, 2), conv(4, 2, 1), gru]
        .into_iter()
        .take(layers);
    let layers: Vec<_> = all.map(|spec| serde_json::from_value(spec).unwrap()).collect();
    let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
    let input = MapShape { time: 1, location: 1, batch: 4, extent: [1280, 1, 1], channels: 1 };
    measure_layers(input, &layers, rule.as_ref(), modules)
}

/// Contexts and targets of speech meet in other samples in every layer, and lower layers learn from a window.
#[test]
fn marks_on_speech() {
    let one = vec![0..6; 1];
    let steps = |name: &str, window: usize| {
        let mut spec = json!({ "type": name, "prediction_steps": 4, "skip": 0, "window": window });
        if name != "clapp" {
            spec["negatives"] = json!({ "type": "random", "count": 4 });
        }
        spec
    };
    let cases = [
        ("clapp_s in windows", of_speech(steps("clapp_s", 8), &single(), 6), (true, false, true)),
        ("clapp_s without GRU", of_speech(steps("clapp_s", 0), &single()[..5], 5), (true, false, true)),
        ("cpc", of_speech(steps("cpc", 0), &one, 6), (false, false, true)),
        ("gim in windows", of_speech(steps("gim", 8), &single(), 6), (false, false, true)),
        ("clapp in windows", of_speech(steps("clapp", 8), &single(), 6), (true, true, false)),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(_, found, expected)| marks(found) != *expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Clips: three steps of time in a step of the second layer. Statistics of a batch mix its stimuli.
#[test]
fn marks_on_video() {
    let clips = MapShape { time: 1, location: 1, batch: 4, extent: [12, 4, 4], channels: 1 };
    let rule = json!({ "type": "clapp_s", "prediction_steps": 2, "skip": 0, "negatives": { "type": "all" } });
    let rule: Box<dyn RuleSpec> = serde_json::from_value(rule).unwrap();
    let layers = |batch_norm: bool| -> Vec<Box<dyn LayerSpec>> {
        [(1, 1, 0), (3, 3, 0), (3, 1, 1)]
            .iter()
            .map(|(kernel, stride, padding)| {
                json!({ "type": "conv3d", "channels": 6, "kernel": [kernel, 3, 3], "stride": [stride, 1, 1],
                        "padding": [padding, 1, 1], "batch_norm": batch_norm })
            })
            .map(|spec| serde_json::from_value(spec).unwrap())
            .collect()
    };
    let plain = measure_layers(clips, &layers(false), rule.as_ref(), &single()[..3]);
    assert_eq!(marks(&plain), (true, false, true), "{plain:?}");
    let mixed = measure_layers(clips, &layers(true), rule.as_ref(), &single()[..3]);
    assert_eq!(marks(&mixed), (false, false, true), "{mixed:?}");
    assert_eq!(mixed.evidence.other_layers, 0.0);
}

/// Random feedback that does not learn carries a signal one way; where there is one step in time and rules compare
/// steps, nothing is marked.
#[test]
fn fixed_feedback_is_no_transport_and_what_is_not_there_is_not_marked() {
    let found = of(json!({ "type": "dfa" }), &single());
    assert_eq!(found.weight_transport, Some(false), "{found:?}");
    // Two steps on the map of the input, of which the layer makes one: no context comes before it.
    let input = MapShape { time: 1, location: 1, batch: 4, extent: [2, 1, 1], channels: 1 };
    let layer = json!({ "type": "conv1d", "channels": 6, "kernel": 2 });
    let layers = [serde_json::from_value(layer).unwrap()];
    let rule: Box<dyn RuleSpec> = serde_json::from_value(json!({ "type": "greedy_supervised" })).unwrap();
    let found = measure_layers(input, &layers, rule.as_ref(), &single()[..1]);
    assert_eq!(found.time, None, "{found:?}");
}

/// Factors that come down through learned inverses use no weight in both directions. Then only the classifier of the rule
/// does, and with fixed feedback at the top (`dfa`) nothing.
#[test]
fn learned_inverses_are_no_transport() {
    let input = MapShape { time: 1, location: 1, batch: 4, extent: [1, 4, 4], channels: 1 };
    let dense = json!({ "type": "block", "layers": [
        { "type": "dense", "channels": 6, "relu": false }, { "type": "tanh" }
    ] });
    let target = json!({ "type": "dtp", "layer": dense });
    for (rule, above, transport) in [
        ("supervised", &dense, true),
        ("supervised", &target, true),
        ("dfa", &dense, true),
        ("dfa", &target, false),
    ] {
        let layers: Vec<Box<dyn LayerSpec>> =
            [&dense, above, above].map(|spec| serde_json::from_value(spec.clone()).unwrap()).into();
        let rule: Box<dyn RuleSpec> = serde_json::from_value(json!({ "type": rule })).unwrap();
        let found = measure_layers(input, &layers, rule.as_ref(), &[0..3; 1]);
        let down = found.evidence.down_through_layers.unwrap();
        assert_eq!(marks(&found), (false, true, transport), "{found:?}");
        assert_eq!(down > 1e-5, above == &dense, "{found:?}");
    }
}

#[test]
fn planted_rules_that_are_not_local_are_caught() {
    for what in [What::MeanOfLayer, What::SizeOfBatch] {
        let inner = serde_json::from_value(json!({ "type": "clapp", "prediction_steps": 2 })).unwrap();
        let found = measure(&Planted { inner, what }, &single());
        assert_eq!(found.space, Some(false), "{what:?}: {found:?}");
    }
}
