//! Converts a reference case's names of layers and rules to specs of this toolkit's plugins.

use super::case::Case;
use plasticity_core::layer::LayerSpec;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::Family;
use plasticity_core::{Error, Result, keys};
use serde_json::{Map, Value, json};

/// The layers.
///
/// # Errors
/// If no plugin can make a layer; the error names it.
pub fn layers(case: &Case) -> Result<Vec<Box<dyn LayerSpec>>> {
    case.description.layers.iter().enumerate().map(|(index, words)| layer(case, index, words)).collect()
}

fn layer(case: &Case, index: usize, words: &Map<String, Value>) -> Result<Box<dyn LayerSpec>> {
    let mut spec = Map::new();
    for (key, value) in words {
        match key.as_str() {
            "op" => spec.insert("type".into(), value.clone()),
            "in" => None,
            "out" => spec.insert("channels".into(), value.clone()),
            _ => spec.insert(key.clone(), value.clone()),
        };
    }
    read(case, &format!("layer {index}"), spec)
}

/// The rule.
///
/// # Errors
/// If no plugin can make it.
pub fn rule(case: &Case) -> Result<Box<dyn RuleSpec>> {
    let words = &case.description.rule;
    let text = |key: &str| words.get(key).and_then(Value::as_str);
    let broadcast = match text("contrast") {
        Some("softmax") => json!({ "type": "softmax" }),
        Some("hinge") if text("kind") == Some("predictive_all_pairs") => {
            json!({ "type": "hinge", "weight": 0.5 })
        }
        Some(other) => json!({ "type": other }),
        None => Value::Null,
    };
    let mut spec = match text("kind") {
        Some("supervised") => json!({ "type": "supervised" }),
        Some("two_views") => json!({
            "type": "clapp_pp", "broadcast": broadcast, "context": words.get("context"), "pool": words.get("pool"),
        }),
        Some("predictive_all_pairs") => json!({
            "type": "predictive", "broadcast": broadcast, "skip": 0, "negatives": { "type": "all" },
            "prediction_steps": words.get("prediction_steps"),
        }),
        Some("predictive") => {
            let mut negatives =
                words.get("negatives").and_then(Value::as_object).cloned().unwrap_or_default();
            if let Some(kind) = negatives.remove("kind") {
                negatives.insert("type".into(), kind);
            }
            json!({
                "type": "predictive", "broadcast": broadcast, "negatives": negatives,
                "prediction_steps": words.get("prediction_steps"), "skip": words.get("skip"),
                "time_local": words.get("time_local"), "context": words.get("context"),
                "score": { "type": "bilinear", "transport": words.get("transport") },
            })
        }
        // Any other registered rule, by its name and with its own keys. Two have other names or keys in this format.
        Some(name) => {
            let mut spec = words.clone();
            spec.remove("kind");
            let plain_infonce = name == "infonce" && !case.floats.contains_key("module.0.projection.weight");
            spec.insert("type".into(), if plain_infonce { "nt_xent" } else { name }.into());
            if name == "dfa"
                && case.float("module.0.feedback").is_ok_and(|feedback| feedback.shape.len() == 2)
            {
                spec.insert("feedback".into(), "shared".into());
            }
            Value::Object(spec)
        }
        None => {
            return Err(case.bad(
                "the rule has no `kind`: a rule's name, or predictive, predictive_all_pairs, two_views",
            ));
        }
    };
    strip_nulls(&mut spec);
    let Value::Object(spec) = spec else { return Err(case.bad("the rule is not a table")) };
    let table = toml::Table::try_from(&spec).map_err(|error| case.bad(format!("the rule: {error}")))?;
    keys::check(Family::Rule, &table).map_err(|fault| case.bad(fault.under("rule")))?;
    read(case, "rule", spec)
}

fn strip_nulls(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !value.is_null());
        map.values_mut().for_each(strip_nulls);
    }
}

fn read<T: serde::de::DeserializeOwned>(case: &Case, what: &str, spec: Map<String, Value>) -> Result<T> {
    let text = Value::Object(spec.clone()).to_string();
    serde_json::from_value(Value::Object(spec))
        .map_err(|error| Error::file(&case.path, format!("{what} {text} cannot be built: {error}")))
}
