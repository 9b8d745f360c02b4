//! Options of the predictive rule: each against automatic differentiation, what ablations leave, and clear errors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_core::broadcast::BroadcastSpec;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::SeededDraws;
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plasticity::autodiff;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::stream;
use plasticity_core::registry::{Family, Plugin, plugins};
use plasticity_core::representation::{Pooling, Representation, RepresentationShape};
use plasticity_rules as _;
use rand::RngExt;
use std::collections::BTreeSet;

const SHAPE: RepresentationShape = RepresentationShape { time: 7, location: 2, batch: 3, channel: 4 };

struct Bench {
    rule: Box<dyn PlasticityRule>,
    target: Representation,
    context: Option<Representation>,
}

fn representation(shape: RepresentationShape, seed: u64) -> Representation {
    let mut random = stream(seed, &[]);
    let values = (0..shape.len()).map(|_| random.random_range(-1.0_f32..1.0).max(0.0)).collect();
    Representation::new(shape, Buffer::from_vec(&Device::open().unwrap(), values).unwrap()).unwrap()
}

/// A rule of the first of two modules, with `toml`, for a target of `shape` and, where `neurons` says so, a context of
/// its own.
fn bench(toml: &str, shape: RepresentationShape, neurons: Option<usize>) -> Result<Bench, String> {
    bench_of_module(0, toml, shape, neurons)
}

/// The same for one of two modules.
fn bench_of_module(
    module: usize,
    toml: &str,
    shape: RepresentationShape,
    neurons: Option<usize>,
) -> Result<Bench, String> {
    let table: toml::Table = toml.parse().map_err(|error: toml::de::Error| error.to_string())?;
    plasticity_core::keys::check(Family::Rule, &table).map_err(|fault| fault.to_string())?;
    let spec: Box<dyn RuleSpec> = toml::from_str(toml).map_err(|error| error.to_string())?;
    let target = representation(shape, 1);
    let context = neurons.map(|channel| representation(RepresentationShape { channel, ..shape }, 2));
    let device = Device::open().unwrap();
    let seen = context.as_ref().map_or(shape, Representation::shape);
    let to = Site::new(&device, shape).with_context(seen).with_module(module, 2);
    let mut rule = spec.build(&to, &mut stream(3, &[])).map_err(|error| error.to_string())?;
    for parameter in rule.parameters() {
        let values: Vec<_> = parameter.get().unwrap().iter().map(|value| 4.0 * value).collect();
        parameter.set(&values).unwrap();
    }
    Ok(Bench { rule, target, context })
}

impl Bench {
    fn update(&mut self) -> Result<RuleUpdate, String> {
        let Self { rule, target, context } = self;
        let signals = Signals::new(target).with_context(context.as_ref());
        rule.update(&signals, &mut draws()).map_err(|error| error.to_string())
    }

    /// The update by automatic differentiation, if the rule follows a loss.
    fn plain(&mut self) -> Option<RuleUpdate> {
        let Self { rule, target, context } = self;
        let signals = Signals::new(target).with_context(context.as_ref());
        autodiff::update(rule.as_mut(), &signals, &mut draws()).unwrap()
    }
}

fn draws() -> SeededDraws {
    SeededDraws { seed: 4, step: 5, module: 0 }
}

fn close(place: &str, ours: &Buffer, expected: &Buffer) {
    let (ours, expected) = (ours.to_vec().unwrap(), expected.to_vec().unwrap());
    let norm =
        |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let error = norm(&mut ours.iter().zip(&expected).map(|(a, b)| a - b));
    let size = norm(&mut expected.iter().copied());
    assert!(ours.len() == expected.len() && error <= 2e-5 * size, "{place}: {error:.1e} of {size:.1e}");
}

#[test]
fn options_agree_with_automatic_differentiation() {
    for (options, neurons) in [
        ("", None),
        ("score = { type = \"bilinear\", transport = \"blocked\" }", None),
        ("score = { type = \"bilinear\", transport = \"blocked\" }", Some(5)),
        ("score = { type = \"w_retro\" }", Some(5)),
        ("", Some(3)),
        ("update_context = false", None),
        ("learn_prediction = false", Some(5)),
        ("window = 5", None),
        ("window = 5\nscore = { type = \"w_retro\" }", Some(5)),
        ("negatives = { type = \"other_sample\" }", None),
        ("negatives = { type = \"other_sample\", each = \"place\" }\nscore = { type = \"w_retro\" }", None),
        (
            "negatives = { type = \"other_sample\", at = \"any\" }\ntime_local = true\ndraws = \"module\"",
            Some(5),
        ),
        ("negatives = { type = \"other_sample\", at = \"any\", count = 3 }\ntime_local = true", Some(5)),
        ("negatives = { type = \"other_sample\", each = \"place\", at = \"any\", count = 2 }", None),
        ("score = { type = \"w_retro\" }\ntwins = true", Some(5)),
        ("negatives = { type = \"random\", count = 3 }\ntime_local = true", None),
        ("broadcast = { type = \"logistic\" }", None),
        (
            "broadcast = { type = \"logistic\" }\nnegatives = { type = \"other_sample\" }\ntime_local = true",
            None,
        ),
        ("broadcast = { type = \"softmax\" }\nnegatives = { type = \"all\" }", None),
        ("broadcast = { type = \"hinge\", weight = 0.5 }\nnegatives = { type = \"all\" }", Some(5)),
        ("score = { type = \"w_retro\" }\nnegatives = { type = \"all\" }\nwindow = 5", None),
        ("broadcast = { type = \"logistic\" }\nnegatives = { type = \"all\" }\nskip = 0", None),
    ] {
        let mut bench =
            bench(&format!("type = \"predictive\"\nprediction_steps = 2\n{options}"), SHAPE, neurons)
                .unwrap();
        let ours = bench.update().unwrap();
        let plain = bench.plain().unwrap();
        close(&format!("{options}: loss"), &ours.loss, &plain.loss);
        close(&format!("{options}: target"), &ours.target, &plain.target);
        if let Some(context) = &ours.context {
            close(&format!("{options}: context"), context, &plain.context.unwrap());
        }
        assert_eq!(ours.own.len(), plain.own.len(), "{options}");
        ours.own.iter().zip(&plain.own).for_each(|(a, b)| close(&format!("{options}: own"), a, b));
    }
}

#[test]
fn modules_may_predict_different_numbers_of_steps() {
    let mut bench = bench("type = \"clapp\"\nprediction_steps = [3, 1]", SHAPE, None).unwrap();
    assert_eq!(bench.rule.parameters().len(), 2 * 3, "the first module of two");
    assert!(bench.update().is_ok());
}

#[test]
fn places_of_a_map_may_stand_side_by_side_in_the_score() {
    let pooling = |toml: &str, module| -> Pooling {
        toml::from_str::<Box<dyn RuleSpec>>(toml).unwrap().demands().pooling(module)
    };
    let pool = "type = \"clapp\"\npool = [8, 0]";
    assert_eq!([pooling(pool, 0), pooling(pool, 1)], [Pooling::Blocks(8), Pooling::Mean]);
    assert_eq!(pooling("type = \"clapp\"", 0), Pooling::Mean);
    assert_eq!(pooling("type = \"cpc\"\nnegatives = { type = \"all\" }", 1), Pooling::Keep);
}

#[test]
fn a_window_is_drawn_only_below_the_last_module() {
    // The steps in time that learn.
    let steps = |module: usize, window: usize, seed: u64| -> Vec<usize> {
        let toml = format!("type = \"clapp_s\"\nprediction_steps = 2\nwindow = {window}");
        let Bench { mut rule, target, .. } = bench_of_module(module, &toml, SHAPE, None).unwrap();
        let update = rule.update(&Signals::new(&target), &mut SeededDraws { seed, ..draws() }).unwrap();
        let values = update.target.to_vec().unwrap();
        let steps = values.chunks(SHAPE.rows_per_step() * SHAPE.channel).enumerate();
        steps.filter(|(_, values)| values.iter().any(|value| *value != 0.0)).map(|(step, _)| step).collect()
    };
    let all: Vec<usize> = (0..7).collect();
    assert_eq!(steps(0, 0, 4), all, "without a window");
    let mut starts = BTreeSet::new();
    for seed in 0..50 {
        assert_eq!(steps(1, 4, seed), all, "the last module has none");
        let part = steps(0, 4, seed);
        assert_eq!(part, (part[0]..part[0] + 4).collect::<Vec<_>>());
        starts.insert(part[0]);
    }
    assert_eq!(starts, BTreeSet::from([0, 1, 2, 3]), "a window starts anywhere");
}

#[test]
fn ablations_leave_out_what_they_say() {
    let update = |options: &str| {
        let mut bench =
            bench(&format!("type = \"clapp_s\"\nprediction_steps = 2\n{options}"), SHAPE, None).unwrap();
        let update = bench.update().unwrap();
        let follows = bench.plain().is_some();
        (update, follows)
    };
    let blocked = update("score = { type = \"bilinear\", transport = \"blocked\" }").0;
    let (still, follows) = update("update_context = false");
    assert!(follows);
    close("update_context", &still.target, &blocked.target);
    assert!(update("learn_prediction = false").0.own.is_empty());

    // Without the dendrite every neuron of a target row receives the same: Σ γ.
    let (plain, follows) = update("dendrite = false\nupdate_context = false");
    assert!(!follows);
    let values = plain.target.to_vec().unwrap();
    assert!(values.iter().any(|v| *v != 0.0));
    assert!(values.chunks(SHAPE.channel).all(|row| row.iter().all(|v| v == &row[0])));

    // Without the gate γ no longer depends on the weights; without the sign nothing is pushed down.
    let (_, follows) = update("broadcast = { type = \"hinge\", gate = false }");
    assert!(!follows);
    let options = "dendrite = false\nupdate_context = false\nbroadcast = { type = \"hinge\", sign = false }";
    let (unsigned, follows) = update(options);
    assert!(!follows && unsigned.target.to_vec().unwrap().iter().all(|v| *v >= 0.0));
}

/// The hinge's γ of two contexts, each with a fixation (even places) and a saccade: the means are over two of each.
#[test]
fn the_hinge_without_gate_or_sign_gives_the_rest_of_gamma() {
    let device = Device::open().unwrap();
    let scores = || {
        let values = Buffer::from_vec(&device, vec![0.5, -0.5, 2.0, -2.0]).unwrap();
        Scores { values, rows: 2, columns: 2 }
    };
    let pairs = Pairs::sampled(&device, 2, 1, vec![1, 0]).unwrap();
    for (options, gamma) in [
        ("", [0.5, -0.5, 0.0, 0.0]),
        ("gate = false", [0.5, -0.5, 0.5, -0.5]),
        ("sign = false", [0.5, 0.5, 0.0, 0.0]),
        ("gate = false\nsign = false", [0.5; 4]),
        ("gate = false\nweight = 3.0", [1.5, -1.5, 1.5, -1.5]),
    ] {
        let spec: Box<dyn BroadcastSpec> = toml::from_str(&format!("type = \"hinge\"\n{options}")).unwrap();
        let made = spec.build().unwrap().modulation(&scores(), &pairs).unwrap();
        assert_eq!(made.gamma.values.to_vec().unwrap(), gamma, "{options}");
    }
}

#[test]
fn what_cannot_work_is_an_error_that_says_why() {
    let one = RepresentationShape { batch: 1, ..SHAPE };
    let short = RepresentationShape { time: 3, ..SHAPE };
    let six = RepresentationShape { batch: 6, ..SHAPE };
    for (toml, shape, expected) in [
        ("type = \"clapp\"", short, "need more than 6 steps in time, got 3"),
        ("type = \"clapp\"\nprediction_steps = 2", one, "at least 2 inputs in a batch, got 1"),
        (
            "type = \"clapp\"\nprediction_steps = 0",
            SHAPE,
            "prediction_steps: expected a whole number in 1..=65536 or a list of values",
        ),
        ("type = \"clapp\"\nskip = 65537", SHAPE, "skip: expected a whole number in 0..=65536, got 65537"),
        ("type = \"clapp\"\ncontext = \"top\"", SHAPE, "context: unknown value `top`: known are same, above"),
        ("type = \"clapp\"\nprediction_step = 2", SHAPE, "unknown key `prediction_step`"),
        ("type = \"clapp\"\nnegatives = { type = \"all\" }", SHAPE, "type = \"all\" cannot be time-local"),
        (
            "type = \"cpc\"\ntime_local = true",
            SHAPE,
            "broadcast: `softmax` compares a positive with its negatives",
        ),
        ("type = \"clapp\"\nprediction_steps = [2]", SHAPE, "prediction_steps: 1 values for 2 modules"),
        ("type = \"clapp\"\npool = [2]", SHAPE, "pool: [2] has 1 sizes, but the network has 2 modules"),
        (
            "type = \"cpc\"\nnegatives = { type = \"all\" }\npool = 2",
            SHAPE,
            "pool: negatives = { type = \"all\" } keeps every place in the score already",
        ),
        (
            "type = \"clapp_s\"\ntwins = true",
            SHAPE,
            "twins: needs a score with separate retrodiction weights",
        ),
        ("type = \"clapp\"\ndraws = \"none\"", SHAPE, "draws: "),
        ("type = \"clapp_twin\"\ndraws = \"module\"", SHAPE, "draws: with `module`, W_pred and W_retro see"),
        ("type = \"cpc\"\nnegatives = { type = \"random\", count = 0 }", SHAPE, "negatives.count: "),
        (
            "type = \"cpc\"\nnegatives = { type = \"other_sample\", count = 2 }",
            SHAPE,
            "negatives.count: several targets in the other input need at = \"any\"",
        ),
        (
            "type = \"cpc\"\nnegatives = { type = \"other_sample\", at = \"any\", count = 0 }",
            SHAPE,
            "negatives.count: ",
        ),
        (
            "type = \"clapp_s\"\nsigns = { alternate = 1 }",
            SHAPE,
            "signs: `alternate` needs time_local = true",
        ),
        ("type = \"clapp\"\nsigns = { alternate = 0 }", SHAPE, "signs.alternate: "),
        ("type = \"clapp\"\nsigns = { alternate = 1 }", SHAPE, "at least 4 inputs in a batch, got 3"),
        ("type = \"clapp\"\nsigns = { alternate = 2 }", six, "at least 9 inputs in a batch, got 6"),
        ("type = \"cpc\"\nbroadcast = { type = \"hinge\", weight = nan }", SHAPE, "broadcast.weight: "),
        ("type = \"cpc\"\nscore = { type = \"w_retro\", initial = 2.0 }", SHAPE, "score.initial: "),
        ("type = \"lpl\"\nepsilon = 0.0", SHAPE, "epsilon: expected a number > 0, got 0"),
        ("type = \"lpl\"\nhebbian = -1.0", SHAPE, "hebbian: expected a number ≥ 0, got -1"),
        ("type = \"bcm\"\nwindow = 0.5", SHAPE, "window: expected a number ≥ 1 (steps), got 0.5"),
        ("type = \"scff\"\npositive_threshold = -1.0", SHAPE, "positive_threshold: "),
        ("type = \"forward_forward\"\nstrength = nan", SHAPE, "strength: "),
        (
            "type = \"clapp_pp\"\nnegatives = 0",
            SHAPE,
            "negatives: expected a whole number in 1..=65536, got 0",
        ),
        ("type = \"supervised\"", SHAPE, "type: `supervised` needs labels"),
    ] {
        let error = bench(toml, shape, None).and_then(|mut bench| bench.update().map(drop)).unwrap_err();
        assert!(error.contains(expected), "{toml}: {error}");
    }
}

/// The written config gives back the rule, also if a key of a preset has the value that `predictive` has.
#[test]
fn written_presets_give_back_the_rule() {
    let read = |table: toml::Table| -> Box<dyn RuleSpec> { table.try_into().unwrap() };
    let all = plugins(Family::Rule);
    let general = all.iter().find(|plugin| plugin.name == "predictive").unwrap().keys;
    let same =
        |plugin: &&&Plugin| plugin.keys.iter().map(|key| key.name).eq(general.iter().map(|key| key.name));
    let presets: Vec<_> = all.iter().filter(same).collect();
    assert!(presets.len() >= 9, "{presets:?}");
    for preset in presets {
        for key in general {
            let text = format!("type = \"{}\"\n{} = {}", preset.name, key.name, key.default);
            let rule = read(text.parse().unwrap());
            let again = read(toml::Table::try_from(&rule).unwrap());
            assert_eq!(format!("{rule:?}"), format!("{again:?}"), "{text}");
        }
    }
    // Drawn signs are written only where the preset has others.
    let writes = |name: &str| {
        let rule = read(format!("type = \"{name}\"\nsigns = \"drawn\"").parse().unwrap());
        toml::Table::try_from(&rule).unwrap().contains_key("signs")
    };
    assert!(writes("clapp_paired") && !writes("clapp"));
}

#[test]
fn rules_say_how_often_a_stimulus_is_presented() {
    for (toml, expected) in [
        ("type = \"clapp_s\"", None),
        ("type = \"clapp\"", Some(1)),
        ("type = \"clapp_paired\"", Some(2)),
        ("type = \"clapp_paired\"\nsigns = { alternate = 3 }", Some(4)),
        ("type = \"infonce\"", Some(1)),
        ("type = \"clapp_pp_backprop\"", Some(1)),
        ("type = \"scff\"", Some(1)),
        ("type = \"lpl\"", None),
    ] {
        let spec: Box<dyn RuleSpec> = toml::from_str(toml).unwrap();
        assert_eq!(spec.demands().presentations, expected, "{toml}");
    }
}

#[test]
fn a_context_above_with_other_places_is_refused_before_the_first_step() {
    let device = Device::open().unwrap();
    let spec: Box<dyn RuleSpec> = toml::from_str("type = \"clapp_s\"\ncontext = \"above\"").unwrap();
    for above in [RepresentationShape { time: 4, ..SHAPE }, RepresentationShape { location: 1, ..SHAPE }] {
        let site = Site::new(&device, SHAPE).with_context(above).with_module(0, 2);
        let error = spec.build(&site, &mut stream(3, &[])).err().unwrap().to_string();
        assert!(error.starts_with("context: `above` needs") && error.contains("module 1"), "{error}");
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let shape = RepresentationShape { time: 6, location: 4, batch: 8, channel: 96 };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut bench = bench("type = \"clapp_s\"\nprediction_steps = 2", shape, None).unwrap();
            let update = bench.update().unwrap();
            (update.target.to_vec().unwrap(), update.own[0].to_vec().unwrap())
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(5) == one);
}
