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
    let spec = translated(case)?;
    let table = toml::Table::try_from(&spec).map_err(|error| case.bad(format!("the rule: {error}")))?;
    keys::check(Family::Rule, &table).map_err(|fault| case.bad(fault.under("rule")))?;
    read(case, "rule", spec)
}

/// The rule as in a config. Keys with the same name in both forms are kept, also those that no plugin has, so that they
/// are refused and not ignored.
fn translated(case: &Case) -> Result<Map<String, Value>> {
    let mut spec = case.description.rule.clone();
    strip_nulls(&mut spec);
    let Some(Value::String(kind)) = spec.remove("kind") else {
        return Err(
            case.bad("the rule has no `kind`: a rule's name, or predictive, predictive_all_pairs, two_views")
        );
    };
    let name = match kind.as_str() {
        "supervised" => {
            spec.remove("contrast");
            "supervised"
        }
        "two_views" => {
            broadcast(&mut spec, None);
            "clapp_pp"
        }
        "predictive_all_pairs" => {
            broadcast(&mut spec, Some(0.5));
            spec.entry("skip").or_insert(0.into());
            spec.entry("negatives").or_insert(json!({ "kind": "all" }));
            predictive(&mut spec);
            "predictive"
        }
        "predictive" => {
            broadcast(&mut spec, None);
            predictive(&mut spec);
            "predictive"
        }
        // Any other registered rule, by its name and with its own keys. Two have other names or keys in this format.
        name => {
            if name == "dfa"
                && case.float("module.0.feedback").is_ok_and(|feedback| feedback.shape.len() == 2)
            {
                spec.insert("feedback".into(), "shared".into());
            }
            let plain_infonce = name == "infonce" && !case.floats.contains_key("module.0.projection.weight");
            if plain_infonce { "nt_xent" } else { name }
        }
    };
    spec.insert("type".into(), name.into());
    Ok(spec)
}

/// The key `contrast` as the key `broadcast`, for a hinge with this weight.
fn broadcast(spec: &mut Map<String, Value>, hinge: Option<f64>) {
    let Some(contrast) = spec.remove("contrast") else { return };
    let broadcast = match hinge {
        Some(weight) if contrast == "hinge" => json!({ "type": contrast, "weight": weight }),
        _ => json!({ "type": contrast }),
    };
    spec.insert("broadcast".into(), broadcast);
}

/// The keys `negatives` and `transport` of the rule `predictive`.
fn predictive(spec: &mut Map<String, Value>) {
    if let Some(Value::Object(negatives)) = spec.get_mut("negatives")
        && let Some(kind) = negatives.remove("kind")
    {
        negatives.insert("type".into(), kind);
    }
    if let Some(transport) = spec.remove("transport") {
        spec.insert("score".into(), json!({ "type": "bilinear", "transport": transport }));
    }
}

fn strip_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    map.values_mut().filter_map(Value::as_object_mut).for_each(strip_nulls);
}

fn read<T: serde::de::DeserializeOwned>(case: &Case, what: &str, spec: Map<String, Value>) -> Result<T> {
    let text = Value::Object(spec.clone()).to_string();
    serde_json::from_value(Value::Object(spec))
        .map_err(|error| Error::file(&case.path, format!("{what} {text} cannot be built: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Tensors;
    use std::collections::BTreeMap;

    fn made(rule: Value) -> Value {
        let said = json!({ "modality": "vision", "rule": rule, "layers": [], "modules": [] });
        let tensors =
            Tensors { path: "case".into(), said, floats: BTreeMap::new(), integers: BTreeMap::new() };
        Value::Object(translated(&Case::of(tensors).unwrap()).unwrap())
    }

    #[test]
    fn keys_without_another_name_are_kept() {
        assert_eq!(
            made(json!({ "kind": "supervised", "sikp": 1 })),
            json!({ "type": "supervised", "sikp": 1 })
        );
        assert_eq!(
            made(
                json!({ "kind": "two_views", "contrast": "hinge", "pool": [4], "context": null, "twins": 2 })
            ),
            json!({ "type": "clapp_pp", "broadcast": { "type": "hinge" }, "pool": [4], "twins": 2 })
        );
        assert_eq!(
            made(json!({
                "kind": "predictive", "contrast": "softmax", "transport": "shared", "skip": 1,
                "negatives": { "kind": "random", "count": 5 }, "draws": "module",
            })),
            json!({
                "type": "predictive", "broadcast": { "type": "softmax" }, "skip": 1, "draws": "module",
                "score": { "type": "bilinear", "transport": "shared" },
                "negatives": { "type": "random", "count": 5 },
            })
        );
        assert_eq!(
            made(json!({ "kind": "predictive_all_pairs", "contrast": "hinge", "prediction_steps": 3 })),
            json!({
                "type": "predictive", "broadcast": { "type": "hinge", "weight": 0.5 }, "skip": 0,
                "negatives": { "type": "all" }, "prediction_steps": 3,
            })
        );
    }
}
