//! Checks of the config of every plugin: it has the documented keys and refuses unknown ones.

use super::Found;
use plasticity_core::range::Range;
use plasticity_core::registry::{Family, Plugin};
use plasticity_core::{Error, Result, keys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Bound;
use toml::value::{Date, Datetime};
use toml::{Table, Value};

/// Checks a plugin's config, then the plugin that its example builds.
pub fn check<T: DeserializeOwned + Serialize>(
    plugin: &Plugin,
    build: &dyn Fn(&T) -> Result<()>,
    behaviour: &dyn Fn(&T, &mut Found),
    found: &mut Found,
) {
    documents(plugin, found);
    let Ok(example) = plugin.example.parse::<Table>() else {
        found.add("its example is not TOML");
        return;
    };
    let spec: T = match parse(&example) {
        Ok(spec) => spec,
        Err(error) => {
            found.add(format!("its example cannot be read: {error}"));
            return;
        }
    };
    let Some(said) = written(&spec, found) else { return };
    let tag = plugin.family.tag();
    if said.get(tag).and_then(Value::as_str) != Some(plugin.name) {
        found.add(format!("its example does not have {tag} = \"{}\"", plugin.name));
    }
    round_trip::<T>(&said, found);
    stated::<T>(plugin, tag, &example, &said, found);
    unknown_key::<T>(&example, found);
    bad_values(plugin, tag, &said, build, found);
    behaviour(&spec, found);
}

/// Checks that the entry in the catalogue is complete. A source has no equation and need not be published.
pub fn documents(plugin: &Plugin, found: &mut Found) {
    for (what, text) in
        [("summary", plugin.summary), ("equation", plugin.equation), ("citation", plugin.citation)]
    {
        let needless = plugin.family == Family::Source && what != "summary";
        if text.is_empty() && !needless {
            found.add(format!("has no {what}"));
        }
    }
    if plugin.equation.contains('\\') {
        found.add(
            "its equation has a backslash: write it in Unicode, with `_` and `^` for indices and exponents",
        );
    }
    for key in plugin.keys {
        if key.meaning.is_empty() {
            found.add(format!("`{}`: has no meaning", key.name));
        }
        if let Err(error) = key.range() {
            found.add(error);
        }
    }
}

const DATE: Datetime =
    Datetime { date: Some(Date { year: 2021, month: 12, day: 6 }), time: None, offset: None };

fn parse<T: DeserializeOwned>(table: &Table) -> Result<T> {
    Value::Table(table.clone())
        .try_into()
        .map_err(|error: toml::de::Error| Error::config("config", error.message()))
}

fn written<T: Serialize>(spec: &T, found: &mut Found) -> Option<Table> {
    match Value::try_from(spec) {
        Ok(Value::Table(table)) => Some(table),
        Ok(_) => {
            found.add("its config is not saved as a table");
            None
        }
        Err(error) => {
            found.add(format!("its config cannot be saved: {error}"));
            None
        }
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(said: &Table, found: &mut Found) {
    match parse::<T>(said) {
        Ok(again) => {
            if written(&again, found).as_ref() != Some(said) {
                found.add("its config changes when it is saved and read again");
            }
        }
        Err(error) => found.add(format!("its saved config cannot be read: {error}")),
    }
}

/// Checks that documented keys exist and have the documented defaults, and that every key is documented.
fn stated<T: DeserializeOwned + Serialize>(
    plugin: &Plugin,
    tag: &str,
    example: &Table,
    said: &Table,
    found: &mut Found,
) {
    for name in said.keys().filter(|name| *name != tag) {
        if !plugin.keys.iter().any(|key| key.name == name) {
            found.add(format!("its key `{name}` is not documented"));
        }
    }
    for key in plugin.keys {
        if key.default.is_empty() {
            // A key that is not in the example is optional. A date is a wrong value for it, so it is refused, but
            // not as an unknown key; a key with text or a path reads the date as text.
            if !example.contains_key(key.name) {
                let mut with = example.clone();
                with.insert(key.name.to_owned(), Value::Datetime(DATE));
                let known = match parse::<T>(&with) {
                    Ok(spec) => written(&spec, found).is_some_and(|table| table.contains_key(key.name)),
                    Err(error) => !error.to_string().contains("unknown field"),
                };
                if !known {
                    found.add(format!("`{}`: is documented but is not a key", key.name));
                }
            }
            continue;
        }
        let Ok(mut with) = format!("value = {}", key.default).parse::<Table>() else {
            found.add(format!("`{}`: the documented default `{}` is not TOML", key.name, key.default));
            continue;
        };
        let mut without = example.clone();
        without.remove(key.name);
        let mut explicit = without.clone();
        if let Some(value) = with.remove("value") {
            explicit.insert(key.name.to_owned(), value);
        }
        match (parse::<T>(&without), parse::<T>(&explicit)) {
            (Ok(silent), Ok(explicit)) => {
                if written(&silent, found) != written(&explicit, found) {
                    let message = "the documented default differs from the default of the code";
                    found.add(format!("`{}`: {message}: {}", key.name, key.default));
                }
            }
            (Err(error), _) => found.add(format!("`{}`: cannot be left out: {error}", key.name)),
            (_, Err(error)) => found.add(format!("`{}` = {}: {error}", key.name, key.default)),
        }
    }
}

fn unknown_key<T: DeserializeOwned>(example: &Table, found: &mut Found) {
    let mut with = example.clone();
    with.insert("no_such_key".to_owned(), Value::Integer(1));
    match parse::<T>(&with) {
        Ok(_) => found.add("accepts an unknown key without an error"),
        Err(error) if error.to_string().contains("no_such_key") => {}
        Err(error) => found.add(format!("does not name the unknown key `no_such_key`: {error}")),
    }
}

/// Checks that defaults and the example are within their ranges. Then tries −1, 0, 1, NaN, infinity, the
/// largest number and the lower bound, as far as the range allows them: the plugin may return an error,
/// but must not panic.
fn bad_values<T: DeserializeOwned>(
    plugin: &Plugin,
    tag: &str,
    said: &Table,
    build: &dyn Fn(&T) -> Result<()>,
    found: &mut Found,
) {
    for (name, value) in said.iter().filter(|(name, _)| *name != tag) {
        let Some(range) = plugin.keys.iter().find(|key| key.name == name).and_then(|key| key.range().ok())
        else {
            continue;
        };
        if let Err(fault) = keys::check_value(&range, value) {
            found.add(format!("`{name}` = {value}: is the default or example but not in the range: {fault}"));
        }
        for value in tries(&range, value) {
            if forbids(&range, &value) {
                continue;
            }
            let mut with = said.clone();
            with.insert(name.clone(), value.clone());
            found.refuses(&format!("`{name}` = {value}"), || parse::<T>(&with).and_then(|spec| build(&spec)));
        }
    }
}

/// Values to try in the place of `value`.
fn tries(range: &Range, value: &Value) -> Vec<Value> {
    let bounds = range.choices().iter().filter_map(|choice| match choice {
        Range::Number(numbers) => Some([numbers.low, numbers.high]),
        _ => None,
    });
    // Not the upper bound: with it a plugin may use all memory.
    let low = bounds.flat_map(|[low, _]| match low {
        Bound::Included(low) => vec![low],
        _ => Vec::new(),
    });
    match value {
        Value::Integer(_) => {
            let low = low.map(|low| Value::Integer(low as i64));
            [-1, 0, 1, i64::MAX].map(Value::Integer).into_iter().chain(low).collect()
        }
        Value::Float(_) => {
            [-1.0, 0.0, f64::NAN, f64::INFINITY].into_iter().chain(low).map(Value::Float).collect()
        }
        Value::Array(values) => {
            let zeros = |value: &Value| match value {
                Value::Integer(_) => Value::Integer(0),
                Value::Float(_) => Value::Float(f64::NAN),
                other => other.clone(),
            };
            vec![Value::Array(Vec::new()), Value::Array(values.iter().map(zeros).collect())]
        }
        _ => Vec::new(),
    }
}

/// Whether a range forbids a value, by either of its bounds.
fn forbids(range: &Range, value: &Value) -> bool {
    keys::check_value(range, value).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::registry::Key;

    /// Ignores unknown keys.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Loose {
        name: Option<String>,
    }

    #[test]
    fn an_optional_key_may_be_text() {
        let plugin = Plugin {
            family: Family::Source,
            name: "loose",
            summary: "s",
            equation: "",
            citation: "",
            keys: &[
                Key { name: "name", default: "", range: "text", meaning: "m" },
                Key { name: "nick", default: "", range: "text", meaning: "m" },
            ],
            example: "",
            package: "p",
            version: "0",
        };
        let mut found = Found::default();
        stated::<Loose>(&plugin, "type", &Table::new(), &Table::new(), &mut found);
        assert_eq!(found.0, ["`nick`: is documented but is not a key"]);
    }

    #[test]
    fn both_bounds_forbid() {
        for (range, value, forbidden) in [
            ("> 0", 0, true),
            ("≥ 0", 0, false),
            ("1.. steps", 0, true),
            ("1..=65536", 65536, false),
            ("1..=65536", 65537, true),
            ("0..=9", -1, true),
            ("[0, 1)", 1, true),
            ("[0, 1]", 1, false),
            ("number", -1, false),
        ] {
            let range = Range::parse(range).unwrap();
            assert_eq!(forbids(&range, &Value::Integer(value)), forbidden, "{range} {value}");
        }
        assert!(forbids(&Range::parse("number").unwrap(), &Value::Float(f64::NAN)));
    }
}
