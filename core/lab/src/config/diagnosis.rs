//! From serde's complaint about a section to an error that names file, line and key.
//!
//! typetag reads a table through a buffer that has no positions, so the key is found afterwards: it is the
//! deepest one without which the complaint changes.

use super::document::{Document, Segment, dotted, tag};
use plasticity_core::registry::{self, Family, unknown};
use plasticity_core::{Error, Result};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Reads a part of a document that stands at `path`.
///
/// # Errors
/// Names file, line and key, what was expected and what came.
pub(super) fn read<T: DeserializeOwned>(document: &Document, path: &str, value: Value) -> Result<T> {
    let complaint = |value: Value| T::deserialize(value).err().map(|error| error.message().trim().to_owned());
    let error = match T::deserialize(value.clone()) {
        Ok(read) => return Ok(read),
        Err(error) => error.message().trim().to_owned(),
    };
    if !error.contains("unknown field") {
        names(document, path, &value)?;
    }
    let key = lacking(&value, &error, &complaint).unwrap_or_else(|| culprit(&value, &error, &complaint));
    let place = if key.is_empty() { path.to_owned() } else { format!("{path}.{}", dotted(&key)) };
    Err(document.error(&place, reworded(&error)))
}

/// Checks that every plugin named in `value`, which stands at `path`, is registered. (Plugins may have keys of their own
/// that are called as families are, so that this is no cause of a complaint about an unknown key.)
fn names(document: &Document, path: &str, value: &Value) -> Result<()> {
    let family = family(path);
    match value {
        Value::Table(table) => {
            if let Some(family) = family {
                check_name(document, path, family, table)?;
            }
            table.iter().try_for_each(|(key, value)| names(document, &format!("{path}.{key}"), value))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| names(document, &format!("{path}.{index}"), value)),
        Value::String(name) if family == Some(Family::Source) => found(document, path, Family::Source, name),
        _ => Ok(()),
    }
}

fn check_name(document: &Document, path: &str, family: Family, table: &Table) -> Result<()> {
    let key = family.tag();
    match table.get(key) {
        Some(Value::String(name)) => found(document, &format!("{path}.{key}"), family, name),
        Some(other) => {
            let message = format!("expected the name of a {} in quotes, got {other}", family.name());
            Err(document.error(&format!("{path}.{key}"), message))
        }
        None => {
            let known: Vec<_> = registry::plugins(family).iter().map(|plugin| plugin.name).collect();
            let message =
                format!("lacks `{key}`, the name of a {}; known are {}", family.name(), known.join(", "));
            Err(document.error(path, message))
        }
    }
}

fn found(document: &Document, path: &str, family: Family, name: &str) -> Result<()> {
    registry::find(family, name, &document.place(path)).map(|_| ())
}

/// The family of plugins that a table at `path` names one of.
pub(super) fn family(path: &str) -> Option<Family> {
    let mut words = path.rsplit('.');
    match (words.next()?, words.next()) {
        ("rule", None) => Some(Family::Rule),
        ("stimulus", None) => Some(Family::Stimulus),
        ("encoder", None) => Some(Family::Preset),
        ("score", Some(_)) => Some(Family::Score),
        ("broadcast", Some(_)) => Some(Family::Broadcast),
        ("source", Some(_)) => Some(Family::Source),
        (index, Some("observers")) if index.parse::<usize>().is_ok() => Some(Family::Observer),
        (index, Some("layers")) if index.parse::<usize>().is_ok() => Some(Family::Layer),
        _ => None,
    }
}

/// The path of the deepest table that lacks the key that is complained of: with it, whatever its value, the complaint is
/// another, and not that it is unknown there.
fn lacking(value: &Value, error: &str, complaint: &dyn Fn(Value) -> Option<String>) -> Option<Vec<Segment>> {
    let field = error.strip_prefix("missing field ")?.split('`').nth(1)?;
    let mut paths = Vec::new();
    collect(value, &mut Vec::new(), &mut paths);
    paths.push(Vec::new());
    let any = [
        Value::Integer(1),
        Value::String(String::new()),
        Value::Array(Vec::new()),
        Value::Table(Table::new()),
    ];
    paths.into_iter().find(|path| {
        any.iter().any(|one| {
            let mut whole = value.clone();
            let Some(table) = at(&mut whole, path).and_then(Value::as_table_mut) else { return false };
            if table.insert(field.to_owned(), one.clone()).is_some() {
                return false;
            }
            complaint(whole)
                .is_none_or(|now| now != error && !now.contains(&format!("unknown field `{field}`")))
        })
    })
}

fn at<'a>(value: &'a mut Value, path: &[Segment]) -> Option<&'a mut Value> {
    match (value, path) {
        (value, []) => Some(value),
        (Value::Table(table), [Segment::Key(key), rest @ ..]) => at(table.get_mut(key)?, rest),
        (Value::Array(items), [Segment::Index(index), rest @ ..]) => at(items.get_mut(*index)?, rest),
        _ => None,
    }
}

/// The path of the deepest key without which the complaint changes. Without its tag a table always gives another
/// complaint, so a tag counts only where the complaint is about its value.
fn culprit(value: &Value, error: &str, complaint: &dyn Fn(Value) -> Option<String>) -> Vec<Segment> {
    let mut paths = Vec::new();
    collect(value, &mut Vec::new(), &mut paths);
    let quoted = |start: &str| error.split_once(start).and_then(|(_, rest)| rest.split('`').nth(1));
    let (variant, field) = (quoted("unknown variant "), quoted("unknown field "));
    let without = |path: &[Segment]| {
        let mut rest = value.clone();
        let removed = remove(&mut rest, path);
        (complaint(rest), removed)
    };
    paths.retain(|path| match path.last() {
        Some(Segment::Key(key)) if key == "type" || key == "preset" => {
            variant.is_some() && without(path).1.as_ref().and_then(Value::as_str) == variant
        }
        Some(Segment::Key(key)) => field.is_none_or(|field| field == key),
        _ => false,
    });
    // A value that the complaint quotes is its cause, even where another key's absence would be complained of first.
    let quoted_value = |path: &Vec<Segment>| without(path).1.as_ref().and_then(Value::as_str) == variant;
    if variant.is_some() && paths.iter().any(quoted_value) {
        paths.retain(quoted_value);
    }
    let found = paths.iter().find(|path| without(path).0.as_deref() != Some(error));
    found.cloned().unwrap_or_default()
}

/// All paths to keys and places, children before their parents.
fn collect(value: &Value, path: &mut Vec<Segment>, paths: &mut Vec<Vec<Segment>>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                path.push(Segment::Key(key.clone()));
                collect(value, path, paths);
                paths.push(path.clone());
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                collect(value, path, paths);
                paths.push(path.clone());
                path.pop();
            }
        }
        _ => {}
    }
}

fn remove(value: &mut Value, path: &[Segment]) -> Option<Value> {
    match (value, path) {
        (Value::Table(table), [Segment::Key(key)]) => table.remove(key),
        (Value::Table(table), [Segment::Key(key), rest @ ..]) => remove(table.get_mut(key)?, rest),
        (Value::Array(items), [Segment::Index(index), rest @ ..]) => remove(items.get_mut(*index)?, rest),
        _ => None,
    }
}

/// serde's messages in the words of a config.
fn reworded(message: &str) -> String {
    let quoted = || message.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    for (start, what) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        if message.starts_with(start) {
            let words = quoted();
            let Some((name, known)) = words.split_first() else { break };
            return if known.is_empty() {
                format!("unknown {what} `{name}`: there are none here")
            } else {
                unknown(what, name, known)
            };
        }
    }
    if message.starts_with("missing field ") {
        return format!("lacks the key `{}`", quoted().first().unwrap_or(&""));
    }
    for start in ["invalid type: ", "invalid value: "] {
        if let Some((came, expected)) =
            message.strip_prefix(start).and_then(|rest| rest.rsplit_once(", expected "))
        {
            // toml adds the key on a line of its own.
            let expected = expected.lines().next().unwrap_or_default();
            return format!("expected {}, got {came}", described(expected));
        }
    }
    // Messages of several lines would take others' places in a log.
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Rust's types in plain words.
fn described(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of at least 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list [...]",
        other if other.starts_with("dyn ") || other.starts_with("internally tagged enum ") => {
            "a table with a `type`, such as { type = \"…\" }"
        }
        other if other.starts_with("struct ") => "a table { … }",
        other => other,
    }
}

/// The tag of a table or an error that says which there are.
///
/// # Errors
/// Where the table at `path` names no plugin of the family.
pub(super) fn require_name(document: &Document, path: &str, table: &Table) -> Result<(), Error> {
    if tag(table).is_some() {
        return Ok(());
    }
    names(document, path, &Value::Table(table.clone()))
}
