//! Builds the object that a part of a config describes, or an error that names file, line and key.
//!
//! Faults are found first by comparing with the stated keys of the plugin or section. serde then
//! finds faults that no range expresses.

use super::document::Document;
use crate::optimiser::OPTIMISERS;
use plasticity_core::keys::{self, Fault, join};
use plasticity_core::registry::{self, Family, Key, unknown};
use plasticity_core::{Error, Result};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Reads the plugin that the table at `path` names.
///
/// # Errors
/// If the plugin is unknown or a value is wrong; the error names file, line and key, what was
/// expected and what was found.
pub(super) fn plugin<T: DeserializeOwned>(
    document: &Document,
    path: &str,
    family: Family,
    table: Table,
) -> Result<T> {
    keys::check(family, &table).map_err(|fault| placed(document, path, fault))?;
    let name = table.get(family.tag()).and_then(Value::as_str).unwrap_or_default();
    let keys = registry::find(family, name, path)?.keys;
    deserialised(document, path, keys, table)
}

/// Reads the section at `path`, which has these keys.
///
/// # Errors
/// As [`plugin`].
pub(super) fn section<T: DeserializeOwned>(
    document: &Document,
    path: &str,
    keys: &[Key],
    table: Table,
) -> Result<T> {
    let given = table.iter().map(|(name, value)| (name.as_str(), value));
    keys::check_keys(keys, given).map_err(|fault| placed(document, path, fault))?;
    deserialised(document, path, keys, table)
}

/// Checks the optimiser at `path`, or all optimisers of a list.
///
/// # Errors
/// As [`plugin`].
pub(super) fn check_optimisers(document: &Document, path: &str, value: &Value) -> Result<()> {
    let Value::Array(each) = value else { return check_optimiser(document, path, value) };
    let mut each = each.iter().enumerate();
    each.try_for_each(|(place, one)| check_optimiser(document, &join(path, &place.to_string()), one))
}

fn check_optimiser(document: &Document, path: &str, value: &Value) -> Result<()> {
    let known = OPTIMISERS.map(|(name, _)| name);
    let Value::Table(table) = value else {
        let message = format!(
            "expected a table with a `type`, such as {{ type = \"adam\", rate = 2e-4 }}, got {value}"
        );
        return Err(document.error(path, message));
    };
    let name = match table.get("type") {
        Some(Value::String(name)) => name,
        Some(other) => {
            let message = format!("expected the name of an optimiser in quotes, got {other}");
            return Err(document.error(&join(path, "type"), message));
        }
        None => {
            return Err(
                document.error(path, format!("needs the key `type`; known types are {}", known.join(", ")))
            );
        }
    };
    let Some((_, keys)) = OPTIMISERS.iter().find(|(known, _)| known == name) else {
        return Err(document.error(&join(path, "type"), unknown("value", name, &known)));
    };
    let given = table.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| *name != "type");
    keys::check_keys(keys, given).map_err(|fault| placed(document, path, fault))?;
    match keys.iter().find(|key| key.default.is_empty() && !table.contains_key(key.name)) {
        Some(key) => Err(document.error(path, format!("needs the key `{}`", key.name))),
        None => Ok(()),
    }
}

fn placed(document: &Document, path: &str, fault: Fault) -> Error {
    document.error(&join(path, &fault.path), fault.message)
}

fn deserialised<T: DeserializeOwned>(
    document: &Document,
    path: &str,
    keys: &[Key],
    table: Table,
) -> Result<T> {
    let error = match T::deserialize(Value::Table(table.clone())) {
        Ok(read) => return Ok(read),
        Err(error) => error.message().trim().to_owned(),
    };
    let quoted = error.split('`').nth(1).unwrap_or_default();
    let below = if error.starts_with("missing field ") {
        keys::lacking(keys, &table, quoted)
    } else if error.starts_with("unknown variant ") {
        holding(&Value::Table(table), quoted)
    } else {
        None
    };
    Err(document.error(&join(path, &below.unwrap_or_default()), reworded(&error)))
}

/// The path of the text `word`; the deepest one if there are several.
fn holding(value: &Value, word: &str) -> Option<String> {
    match value {
        Value::String(text) => (text == word).then(String::new),
        Value::Table(table) => table.iter().find_map(|(key, value)| Some(join(key, &holding(value, word)?))),
        Value::Array(values) => {
            let mut each = values.iter().enumerate();
            each.find_map(|(place, value)| Some(join(&place.to_string(), &holding(value, word)?)))
        }
        _ => None,
    }
}

/// serde's messages, reworded for configs.
fn reworded(message: &str) -> String {
    let quoted: Vec<_> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown variant ")
        && let Some((name, known)) = quoted.split_first()
    {
        return unknown("value", name, known);
    }
    if message.starts_with("missing field ") {
        return format!("needs the key `{}`", quoted.first().unwrap_or(&""));
    }
    for start in ["invalid type: ", "invalid value: "] {
        if let Some((came, expected)) =
            message.strip_prefix(start).and_then(|rest| rest.rsplit_once(", expected "))
        {
            // toml adds the key on a line of its own.
            return format!("expected {}, got {came}", expected.lines().next().unwrap_or_default());
        }
    }
    // A message of several lines would mix with others in a log.
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
