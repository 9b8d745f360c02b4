//! What every config of a plugin must keep: it says what it documents, and refuses what it does not know.

use super::Found;
use plasticity_core::registry::{Family, Plugin};
use plasticity_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::value::{Date, Datetime};
use toml::{Table, Value};

/// Checks a plugin's config, then the plugin itself as its example makes it.
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
        found.add(format!("its example does not say {tag} = \"{}\"", plugin.name));
    }
    round_trip::<T>(&said, found);
    keys::<T>(plugin, tag, &example, &said, found);
    unknown_key::<T>(&example, found);
    bad_values(plugin, tag, &said, build, found);
    behaviour(&spec, found);
}

/// Nothing is left out of the entry in the catalogue; a source has no equation, and need not be published.
pub fn documents(plugin: &Plugin, found: &mut Found) {
    for (what, text) in
        [("summary", plugin.summary), ("equation", plugin.equation), ("citation", plugin.citation)]
    {
        let needless = plugin.family == Family::Source && what != "summary";
        if text.is_empty() && !needless {
            found.add(format!("has no {what}"));
        }
    }
    for key in plugin.keys.iter().filter(|key| key.meaning.is_empty() || key.range.is_empty()) {
        found.add(format!("`{}`: has no range or meaning", key.name));
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
            found.add("its config is not written as a table");
            None
        }
        Err(error) => {
            found.add(format!("its config cannot be written: {error}"));
            None
        }
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(said: &Table, found: &mut Found) {
    match parse::<T>(said) {
        Ok(again) => {
            if written(&again, found).as_ref() != Some(said) {
                found.add("its config changes when it is written and read again");
            }
        }
        Err(error) => found.add(format!("its config cannot be read as it is written: {error}")),
    }
}

/// Documented keys exist, have the documented defaults, and no key goes undocumented.
fn keys<T: DeserializeOwned + Serialize>(
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
            // Not in the example: one to do without. A date fits no key, so it is refused in any case: but not as unknown.
            if !example.contains_key(key.name) {
                let mut with = example.clone();
                with.insert(key.name.to_owned(), Value::Datetime(DATE));
                let error = parse::<T>(&with).err().map(|error| error.to_string());
                if error.is_none_or(|error| error.contains("unknown field")) {
                    found.add(format!("`{}`: is documented, and is no key", key.name));
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
                    let message = "the documented default is not what the code takes";
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
        Ok(_) => found.add("takes an unknown key in silence"),
        Err(error) if error.to_string().contains("no_such_key") => {}
        Err(error) => found.add(format!("does not name the unknown key `no_such_key`: {error}")),
    }
}

/// Every number set to −1, 0, NaN, infinity or the largest of all: never a panic, and an error where the documented range says so.
fn bad_values<T: DeserializeOwned>(
    plugin: &Plugin,
    tag: &str,
    said: &Table,
    build: &dyn Fn(&T) -> Result<()>,
    found: &mut Found,
) {
    for (name, value) in said.iter().filter(|(name, _)| *name != tag) {
        let tries = match value {
            Value::Integer(_) => [-1, 0, i64::MAX].map(Value::Integer).to_vec(),
            Value::Float(_) => [-1.0, 0.0, f64::NAN, f64::INFINITY].map(Value::Float).to_vec(),
            Value::Array(values) => {
                let zeros = |value: &Value| match value {
                    Value::Integer(_) => Value::Integer(0),
                    Value::Float(_) => Value::Float(f64::NAN),
                    other => other.clone(),
                };
                vec![Value::Array(Vec::new()), Value::Array(values.iter().map(zeros).collect())]
            }
            _ => continue,
        };
        let range = plugin.keys.iter().find(|key| key.name == name).map_or("", |key| key.range);
        for value in tries {
            let mut with = said.clone();
            with.insert(name.clone(), value.clone());
            let what = format!("`{name}` = {value}");
            let refused = found.refuses(&what, || parse::<T>(&with).and_then(|spec| build(&spec)));
            if !refused && forbids(range, &value) {
                found.add(format!("{what}: is taken, and the documented range is {range}"));
            }
        }
    }
}

/// Whether a documented range forbids a number: reads `> 0`, `≥ 1`, `1..=9`, `1 to 9`, `1 …`, `[0, 1)` at its beginning. No range
/// holds NaN.
fn forbids(range: &str, value: &Value) -> bool {
    let value = match value {
        Value::Integer(value) => *value as f64,
        Value::Float(value) => *value,
        _ => return false,
    };
    if value.is_nan() {
        return true;
    }
    let number = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.')).unwrap_or(text.len());
        text[..end].trim_end_matches('.').split("..").next().and_then(|text| text.parse::<f64>().ok())
    };
    let range = range.trim_start();
    let (rest, open) = if let Some(rest) = range.strip_prefix('>') {
        match rest.strip_prefix('=') {
            Some(rest) => (rest, false),
            None => (rest, true),
        }
    } else if let Some(rest) = range.strip_prefix('≥').or_else(|| range.strip_prefix('[')) {
        (rest, false)
    } else if let Some(rest) = range.strip_prefix('(') {
        (rest, true)
    } else if ["..", "…", " to "].iter().any(|between| range.contains(between)) {
        (range, false)
    } else {
        return false;
    };
    number(rest).is_some_and(|least| value < least || open && value <= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for (range, value, forbidden) in [
            ("> 0", 0, true),
            ("≥ 0", 0, false),
            ("≥ 1 steps", 0, true),
            ("1..=65536", 0, true),
            ("0..=65536", 0, false),
            ("0..=9", -1, true),
            ("[0, 1)", -1, true),
            ("1 …", 0, true),
            ("1 to 1000", 0, true),
            ("size to 4096 pixels", 0, false),
            ("any", -1, false),
        ] {
            assert_eq!(forbids(range, &Value::Integer(value)), forbidden, "{range} {value}");
        }
        assert!(forbids("any number", &Value::Float(f64::NAN)));
    }
}
