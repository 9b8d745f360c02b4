//! Losses and own weights of every reference case of one view, from the representations that the file expects.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod draws;

use draws::FileDraws;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::autodiff;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::random::stream;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_rules as _;
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::PathBuf;

/// float32 sums leave 1.2e-5 where fixations and saccades nearly cancel (`vision_hinge_cpc`); 1e-4 is a pass.
const TOLERANCE: f64 = 2e-5;

#[test]
#[ignore = "needs ../shared"]
fn every_case_of_one_view_is_reproduced() {
    let shared = std::env::var("PLASTICITY_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let folder = PathBuf::from(shared).join("reference-cases");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut modules = 0;
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        if file.extension().is_some_and(|e| e == "safetensors") && !name.starts_with("views") {
            modules += case(&name, &std::fs::read(&file).unwrap());
        }
    }
    assert!(modules > 40, "only {modules} modules were compared");
}

/// Compares every module of a case; returns how many.
fn case(name: &str, bytes: &[u8]) -> usize {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let case: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["case"]).unwrap();
    // Made here are predictive and supervised rules alone.
    if !matches!(case["rule"]["kind"].as_str(), Some("predictive" | "predictive_all_pairs" | "supervised")) {
        return 0;
    }
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let modules = case["modules"].as_array().unwrap();
    let layers = case["layers"].as_array().unwrap();
    let representations: Vec<_> = (0..modules.len()).map(|m| representation(&tensors, m, &case)).collect();
    let labels = tensors
        .tensor("labels")
        .ok()
        .map(|_| values(&tensors, "labels").into_iter().map(|label| label as u32).collect::<Vec<_>>());
    let mut compared = 0;
    for module in 0..modules.len() {
        let last = modules[module].as_array().unwrap().last().unwrap().as_u64().unwrap() as usize;
        let recurrent = layers[last]["op"] == "gru";
        if recurrent && modules[module].as_array().unwrap().len() > 1 {
            println!(
                "{name}: module {module} needs the recurrent layer's input, which the file does not have"
            );
            continue;
        }
        let (target, context) = if recurrent {
            (&representations[module - 1], Some(&representations[module]))
        } else if case["rule"]["context"] == "above" && module + 1 < modules.len() {
            (&representations[module], Some(&representations[module + 1]))
        } else {
            (&representations[module], None)
        };
        let signals = Signals::new(target).with_context(context).with_labels(labels.as_deref());
        let mut rule = rule(&case, &signals, module, modules.len());
        for parameter in rule.parameters() {
            let value = values(&tensors, &format!("module.{module}.{}", parameter.name()));
            parameter.set(&value).unwrap();
        }
        let mut draws = FileDraws::new(&tensors, module).unwrap();
        let place = format!("{name}, module {module}");
        let update = rule.update(&signals, &mut draws).unwrap();
        compare(&place, &tensors, module, rule.as_mut(), &update);
        let plain = autodiff::update(rule.as_mut(), &signals, &mut draws as &mut dyn Draws).unwrap().unwrap();
        compare(&format!("{place}, autodiff"), &tensors, module, rule.as_mut(), &plain);
        close(&format!("{place}: post factor of the target"), &update.target, &plain.target);
        match (&update.context, &plain.context) {
            (Some(a), Some(b)) => close(&format!("{place}: of the context"), a, b),
            (None, None) => {}
            // A context that does not learn has no gradient either.
            (None, Some(zero)) => assert!(zero.to_vec().unwrap().iter().all(|v| *v == 0.0), "{place}"),
            (Some(_), None) => panic!("{place}: autodiff has no context"),
        }
        compared += 1;
    }
    compared
}

fn compare(
    place: &str,
    tensors: &SafeTensors,
    module: usize,
    rule: &mut dyn PlasticityRule,
    update: &RuleUpdate,
) {
    let loss = values(tensors, &format!("expect.module.{module}.loss"));
    relative(&format!("{place}: loss"), &update.loss.to_vec().unwrap(), &loss, 1.0);
    let parameters = rule.parameters();
    assert_eq!(parameters.len(), update.own.len(), "{place}");
    for (parameter, own) in parameters.iter().zip(&update.own) {
        let name = format!("expect.module.{module}.{}.grad", parameter.name());
        let ours = parameter.to_public(own).unwrap();
        relative(&format!("{place}: {name}"), &ours, &values(tensors, &name), -1.0);
    }
}

fn close(place: &str, a: &Buffer, b: &Buffer) {
    relative(place, &a.to_vec().unwrap(), &b.to_vec().unwrap(), 1.0);
}

fn relative(place: &str, ours: &[f32], expected: &[f32], sign: f64) {
    assert_eq!(ours.len(), expected.len(), "{place}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(expected).map(|(a, b)| f64::from(*a) * sign - f64::from(*b)));
    let size = norm(&mut expected.iter().map(|b| f64::from(*b)));
    assert!(difference <= TOLERANCE * size + 1e-12, "{place}: relative error {}", difference / size);
}

/// The rule that a case asks for, as a config would say it.
fn rule(case: &Value, signals: &Signals, module: usize, modules: usize) -> Box<dyn PlasticityRule> {
    let rule = &case["rule"];
    let text = |key: &str, default: &str| rule[key].as_str().unwrap_or(default).to_owned();
    let broadcast = |weight: &str| match text("contrast", "").as_str() {
        other @ ("softmax" | "logistic") => format!("{{ type = \"{other}\" }}"),
        _ => format!("{{ type = \"hinge\", weight = {weight} }}"),
    };
    let toml = match rule["kind"].as_str().unwrap() {
        "supervised" => "type = \"supervised\"".to_owned(),
        "predictive_all_pairs" => format!(
            "type = \"predictive\"\nskip = 0\nprediction_steps = {}\nnegatives = {{ type = \"all\" }}\nbroadcast = {}",
            rule["prediction_steps"],
            broadcast("0.5")
        ),
        _ => {
            let negatives = match rule["negatives"]["kind"].as_str().unwrap() {
                "random" => format!("{{ type = \"random\", count = {} }}", rule["negatives"]["count"]),
                kind => format!("{{ type = \"{kind}\" }}"),
            };
            format!(
                "type = \"predictive\"\nskip = {}\nprediction_steps = {}\nnegatives = {negatives}\nbroadcast = {}\n\
                 time_local = {}\ncontext = \"{}\"\nscore = {{ type = \"bilinear\", transport = \"{}\" }}",
                rule["skip"],
                rule["prediction_steps"],
                broadcast("1.0"),
                rule["time_local"].as_bool().unwrap_or(false),
                text("context", "same"),
                text("transport", "shared")
            )
        }
    };
    let spec: Box<dyn RuleSpec> = toml::from_str(&toml).unwrap_or_else(|e| panic!("{e}\n{toml}"));
    let device = Device::open().unwrap();
    let context = Site::new(&device, signals.target.shape())
        .with_context(signals.context.unwrap_or(signals.target).shape())
        .with_module(module, modules)
        .with_classes(case["classes"].as_u64().map(|classes| classes as usize));
    spec.build(&context, &mut stream(1, &[2])).unwrap()
}

fn representation(tensors: &SafeTensors, module: usize, case: &Value) -> Representation {
    let name = format!("expect.module.{module}.representation");
    let shape = tensors.tensor(&name).unwrap().shape().to_vec();
    let mut values = values(tensors, &name);
    let shape = if case["modality"] == "video" {
        let [batch, channel, time, y, x] = shape[..] else { panic!("{shape:?}") };
        let shape = RepresentationShape { time, location: y * x, batch, channel };
        let rows = (0..shape.rows()).map(|row| (row / (y * x * batch), row / batch % (y * x), row % batch));
        values = rows
            .flat_map(|(t, l, b)| (0..channel).map(move |c| (((b * channel) + c) * time + t) * y * x + l))
            .map(|at| values[at])
            .collect();
        shape
    } else {
        RepresentationShape { time: shape[0], location: shape[1], batch: shape[2], channel: shape[3] }
    };
    let device = Device::open().unwrap();
    Representation::new(shape, Buffer::from_vec(&device, values).unwrap()).unwrap()
}

fn values(tensors: &SafeTensors, name: &str) -> Vec<f32> {
    let view = tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let bytes = view.data();
    match view.dtype() {
        safetensors::Dtype::F32 => {
            bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        }
        _ => bytes.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f32).collect(),
    }
}
