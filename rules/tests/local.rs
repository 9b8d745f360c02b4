//! Every preset against Equations 8 to 10 as they stand, synapse by synapse, on a convolutional and a dense layer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Apart, Draws, SeededDraws, Side};
use plasticity_core::plasticity::{RuleSpec, Signals, Site};
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_rules::local::{self, Activity, Pair};
use rand::RngExt;

const SHAPE: RepresentationShape = RepresentationShape { time: 5, location: 2, batch: 3, channel: 4 };
const INPUTS: usize = 3;
const STEPS: usize = 2;
const SKIP: usize = 1;

/// How a preset departs from the plain sums.
struct Form {
    toml: &'static str,
    softmax: bool,
    /// Saccades a row; 0: one other input of the batch.
    count: usize,
    signs: bool,
    retrodiction: bool,
    /// Of other inputs: drawn for each place, landing anywhere, drawn for each module and side.
    elsewhere: [bool; 3],
}

const PLAIN: [bool; 3] = [false; 3];

const PRESETS: [Form; 12] = [
    Form {
        toml: "type = \"cpc\"",
        softmax: true,
        count: 16,
        signs: false,
        retrodiction: false,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"gim\"",
        softmax: true,
        count: 16,
        signs: false,
        retrodiction: false,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"hinge_cpc\"",
        softmax: false,
        count: 16,
        signs: false,
        retrodiction: false,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp_s\"",
        softmax: false,
        count: 16,
        signs: false,
        retrodiction: false,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp_s\"\nscore = { type = \"w_retro\" }\nnegatives = { type = \"random\", count = 5 }",
        softmax: false,
        count: 5,
        signs: false,
        retrodiction: true,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"hinge_cpc_time_local\"",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: false,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp\"",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: true,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp\"\ntime_local = false",
        softmax: false,
        count: 0,
        signs: false,
        retrodiction: true,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp_twin\"",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: true,
        elsewhere: PLAIN,
    },
    Form {
        toml: "type = \"clapp\"\ndraws = \"module\"",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: true,
        elsewhere: [false, false, true],
    },
    Form {
        toml: "type = \"clapp\"\nnegatives = { type = \"other_sample\", each = \"place\" }",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: true,
        elsewhere: [true, false, false],
    },
    Form {
        toml: "type = \"clapp\"\nnegatives = { type = \"other_sample\", at = \"any\" }",
        softmax: false,
        count: 0,
        signs: true,
        retrodiction: true,
        elsewhere: [false, true, false],
    },
];

#[test]
fn presets_are_the_sums_over_synapses() {
    for positions in [1, 6] {
        for form in &PRESETS {
            preset(form, positions);
        }
    }
}

fn preset(form: &Form, positions: usize) {
    let mut random = stream(5, &[positions as u64]);
    let pre = noise(&mut random, SHAPE.rows() * positions * INPUTS);
    let weight = noise(&mut random, SHAPE.channel * INPUTS);
    let post: Vec<f32> = pre
        .chunks_exact(INPUTS)
        .flat_map(|x| {
            weight
                .chunks_exact(INPUTS)
                .map(move |w| w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>().max(0.0))
        })
        .collect();
    let layer = Activity { pre: &pre, post: &post, positions, inputs: INPUTS, neurons: SHAPE.channel };
    let z: Vec<f32> =
        (0..SHAPE.len()).map(|at| layer.z(at / SHAPE.channel, at % SHAPE.channel) as f32).collect();
    let device = Device::open().unwrap();
    let target = Representation::new(SHAPE, Buffer::from_vec(&device, z).unwrap()).unwrap();
    let toml = format!("{}\nprediction_steps = {STEPS}\nskip = {SKIP}", form.toml);
    let spec: Box<dyn RuleSpec> = toml::from_str(&toml).unwrap();
    let site = Site::new(&device, SHAPE);
    let mut rule = spec.build(&site, &mut random).unwrap();
    // Larger weights, so that some pairs are beyond the hinge.
    for parameter in rule.parameters() {
        let values = noise(&mut random, SHAPE.channel * SHAPE.channel);
        parameter.set(&values.into_iter().map(|value| 20.0 * value).collect::<Vec<_>>()).unwrap();
    }
    let mut draws = SeededDraws { seed: 1, step: 2, module: 3 };
    let signals = Signals::new(&target);
    let update = rule.update(&signals, &mut draws).unwrap();
    let weights: Vec<_> = rule.parameters().iter().map(|parameter| parameter.get().unwrap()).collect();

    let mut expected = vec![0.0; SHAPE.channel * INPUTS];
    let mut own = Vec::new();
    let mut seeded = draws;
    let mut apart = Apart(&mut seeded);
    let draws: &mut dyn Draws = if form.elsewhere[2] { &mut apart } else { &mut SeededDraws { ..draws } };
    let mut add = |sum: Vec<f64>| expected.iter_mut().zip(sum).for_each(|(e, s)| *e += s);
    for (i, weight) in weights.iter().enumerate() {
        let k = i % STEPS + 1;
        let transposed = transpose(weight);
        if i < STEPS {
            let pairs = pairs(form, &layer, weight, Side::Predict, k, &mut *draws);
            add(local::target_side(&layer, weight, &pairs));
            if !form.retrodiction {
                add(local::context_side(&layer, &transposed, &pairs));
            }
            own.push(local::prediction(&layer, &pairs));
        } else {
            let pairs = pairs(form, &layer, &transposed, Side::Retrodict, k, &mut *draws);
            add(local::context_side(&layer, weight, &pairs));
            own.push(local::retrodiction(&layer, &pairs));
        }
    }
    // What a layer makes of the post factor.
    let factor = update.target.to_vec().unwrap();
    let pairs: Vec<f64> = (0..SHAPE.channel * INPUTS)
        .map(|synapse| {
            let (j, i) = (synapse / INPUTS, synapse % INPUTS);
            let at = |row: usize| {
                let open = |&p: &usize| post[(row * positions + p) * SHAPE.channel + j] > 0.0;
                let x = |p: usize| f64::from(pre[(row * positions + p) * INPUTS + i]);
                let remembered: f64 = (0..positions).filter(open).map(x).sum::<f64>() / positions as f64;
                f64::from(factor[row * SHAPE.channel + j]) * remembered
            };
            (0..SHAPE.rows()).map(at).sum()
        })
        .collect();
    close(&format!("{toml}: ΔW"), &pairs, &expected);
    assert_eq!(own.len(), update.own.len(), "{toml}");
    for (ours, expected) in update.own.iter().zip(&own) {
        let ours: Vec<_> = ours.to_vec().unwrap().into_iter().map(f64::from).collect();
        close(&format!("{toml}: own weights"), &ours, expected);
    }
}

/// The pairs of a step with their γ, counted out row by row.
fn pairs(
    form: &Form,
    layer: &Activity,
    weight: &[f32],
    side: Side,
    k: usize,
    draws: &mut dyn Draws,
) -> Vec<Pair> {
    let per_step = SHAPE.rows_per_step();
    let (rows, ahead) = ((SHAPE.time - k - SKIP) * per_step, (k + SKIP) * per_step);
    let saccades: Vec<Vec<usize>> = if form.count == 0 {
        let [each_place, anywhere, _] = form.elsewhere;
        let places = rows / SHAPE.batch;
        let others = match each_place {
            true => draws.others_of_places(side, k, SHAPE.batch, places),
            false => draws.others(side, k, SHAPE.batch),
        };
        let landings = if anywhere { draws.landings(side, k, rows, places) } else { Vec::new() };
        let other = |row: usize| {
            let place = landings.get(row).map_or(row / SHAPE.batch, |&landing| landing as usize);
            place * SHAPE.batch + others[row % others.len()] as usize
        };
        (0..rows).map(|row| vec![other(row)]).collect()
    } else {
        let drawn = draws.negatives(side, k, rows, form.count);
        drawn.chunks(form.count).map(|row| row.iter().map(|&other| other as usize).collect()).collect()
    };
    let signs = if form.signs { draws.signs(side, SHAPE.batch) } else { Vec::new() };
    let meets = |row: usize, y: i8| !form.signs || signs[row % SHAPE.batch] == y;
    let fixations = (0..rows).filter(|&row| meets(row, 1)).count() as f64;
    let others = (0..rows).filter(|&row| meets(row, -1)).map(|row| saccades[row].len()).sum::<usize>() as f64;
    let mut pairs = Vec::new();
    for (row, saccades) in saccades.iter().enumerate() {
        let targets: Vec<usize> = std::iter::once(row).chain(saccades.iter().copied()).collect();
        let scores: Vec<f64> =
            targets.iter().map(|&target| local::score(layer, weight, row, ahead + target)).collect();
        let sum: f64 = scores.iter().map(|u| u.exp()).sum();
        for (n, (&target, &u)) in targets.iter().zip(&scores).enumerate() {
            let y: i8 = if n == 0 { 1 } else { -1 };
            if !meets(row, y) {
                continue;
            }
            let gamma = if form.softmax {
                (f64::from(u8::from(n == 0)) - u.exp() / sum) / rows as f64
            } else {
                local::hinge(f64::from(y), u) / if n == 0 { fixations } else { others }
            };
            let modulation = gamma / STEPS as f64;
            pairs.push(Pair { context: row, target: ahead + target, modulation });
        }
    }
    pairs
}

fn transpose(weight: &[f32]) -> Vec<f32> {
    let n = SHAPE.channel;
    (0..n * n).map(|at| weight[at % n * n + at / n]).collect()
}

fn noise(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn close(place: &str, ours: &[f64], expected: &[f64]) {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    let error = norm(&mut ours.iter().zip(expected).map(|(a, b)| a - b)) / size;
    assert!(size > 0.0 && error <= 1e-5, "{place}: relative error {error:.1e} of {size:.1e}");
}
