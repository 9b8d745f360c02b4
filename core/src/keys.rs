//! Checks a table of a config against the keys of its plugin: unknown keys and values out of range, each with its
//! path.
//!
//! A plugin states each key once, in [`plugin!`](crate::plugin). Configs are checked against it before anything is
//! built, so a plugin need not check what its [`Range`] says.

use crate::range::Range;
use crate::registry::{self, Family, Key, Plugin, unknown};
use toml::{Table, Value};

/// What is wrong, and where in the checked table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of keys to it, separated by dots; empty for the table itself.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl Fault {
    fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }

    /// The same fault with `key` put before its path.
    #[must_use]
    pub fn under(self, key: &str) -> Self {
        Self { path: join(key, &self.path), ..self }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Two parts of a path; either may be empty.
pub fn join(path: &str, below: &str) -> String {
    match (path, below) {
        ("", path) | (path, "") => path.to_owned(),
        (path, below) => format!("{path}.{below}"),
    }
}

/// Checks a table that names a plugin of `family`: the plugin must be registered, and all keys must be valid.
///
/// # Errors
/// The first fault, with its path.
pub fn check(family: Family, table: &Table) -> Result<(), Fault> {
    let tag = family.tag();
    let known = || registry::plugins(family).iter().map(|plugin| plugin.name).collect::<Vec<_>>();
    let name = match table.get(tag) {
        Some(Value::String(name)) => name,
        Some(other) => {
            let message = format!("expected the name of a {} in quotes, got {other}", family.name());
            return Err(Fault::new(tag, message));
        }
        None => {
            let known = known().join(", ");
            return Err(Fault::new(
                "",
                format!("needs the key `{tag}`, the name of a {}; known are {known}", family.name()),
            ));
        }
    };
    match registry::plugins(family).into_iter().find(|plugin| plugin.name == name) {
        Some(plugin) => check_plugin(plugin, table),
        None => Err(Fault::new(tag, unknown(family.name(), name, &known()))),
    }
}

/// Checks a table against the keys of a plugin; the table may contain the plugin's tag.
fn check_plugin(plugin: &Plugin, table: &Table) -> Result<(), Fault> {
    let tag = plugin.family.tag();
    let keys = table.iter().filter(|(name, _)| *name != tag);
    check_keys(plugin.keys, keys.map(|(name, value)| (name.as_str(), value)))
}

/// Checks keys and values against the stated ones.
///
/// # Errors
/// The first fault, with its path.
pub fn check_keys<'a>(keys: &[Key], given: impl Iterator<Item = (&'a str, &'a Value)>) -> Result<(), Fault> {
    let known: Vec<_> = keys.iter().map(|key| key.name).collect();
    let (mut faults, mut unknowns) = (Vec::new(), Vec::new());
    for (name, value) in given {
        match keys.iter().find(|key| key.name == name) {
            Some(key) => {
                let range = key.range().map_err(|message| Fault::new(name, message))?;
                faults.extend(check_value(&range, value).err().map(|fault| fault.under(name)));
            }
            None => unknowns.push(unknown_key(name, &known)),
        }
    }
    // If there is an unknown key and a wrong value, the misspelt key is the more likely error.
    unknowns.into_iter().chain(faults).next().map_or(Ok(()), Err)
}

fn unknown_key(name: &str, known: &[&str]) -> Fault {
    if known.is_empty() {
        return Fault::new(name, format!("unknown key `{name}`: this table has no keys"));
    }
    Fault::new(name, unknown("key", name, known))
}

/// Checks one value.
///
/// # Errors
/// The first fault, with its path below the value.
pub fn check_value(range: &Range, value: &Value) -> Result<(), Fault> {
    let fits = match (range, value) {
        (Range::Any, _) | (Range::Text(_), Value::String(_)) => true,
        (Range::Word(word), Value::String(text)) => word == text,
        (Range::Flag(flag), Value::Boolean(given)) => flag == given,
        (Range::Number(numbers), Value::Integer(number)) => numbers.hold(*number as f64),
        (Range::Number(numbers), Value::Float(number)) => !numbers.whole && numbers.hold(*number),
        (Range::List(length, of), Value::Array(values))
            if length.is_none_or(|length| length == values.len()) =>
        {
            let mut each = values.iter().enumerate();
            return each.try_for_each(|(place, value)| {
                check_value(of, value).map_err(|fault| fault.under(&place.to_string()))
            });
        }
        (Range::Table(keys), Value::Table(table)) => return check_table(keys, table),
        // A source may be given by only its name.
        (Range::Plugin(Family::Source), Value::String(name)) => {
            return registry::find(Family::Source, name, "").map(drop).map_err(|_| {
                let known: Vec<_> =
                    registry::plugins(Family::Source).iter().map(|plugin| plugin.name).collect();
                Fault::new("", unknown("source", name, &known))
            });
        }
        (Range::Plugin(family), Value::Table(table)) => return check(*family, table),
        (Range::Either(choices), _) => return check_choices(range, choices, value),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Fault::new("", format!("expected {range}, got {}", shown(value)))) }
}

/// A value as an error quotes it. Numbers are read as `f32`, so one that this has no room for is no longer what it seems.
fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) => {
            let (size, narrow) = (number.abs(), (*number as f32).abs());
            let lost = number.is_finite() && (narrow.is_infinite() || (size > 0.0 && narrow == 0.0));
            let plain = size == 0.0 || (1e-5..1e15).contains(&size) || !number.is_finite();
            let text = if plain { number.to_string() } else { format!("{number:e}") };
            text + if lost { " (which 32 bits do not hold)" } else { "" }
        }
        other => other.to_string(),
    }
}

fn check_table(keys: &[(String, Range)], table: &Table) -> Result<(), Fault> {
    let tagged = keys.iter().any(|(name, range)| name == "type" && matches!(range, Range::Word(_)));
    if tagged && !table.contains_key("type") {
        return Err(Fault::new("", "needs the key `type`"));
    }
    let known: Vec<_> =
        keys.iter().map(|(name, _)| name.as_str()).filter(|name| !(tagged && *name == "type")).collect();
    for (name, value) in table {
        let (_, range) = keys.iter().find(|(key, _)| key == name).ok_or_else(|| unknown_key(name, &known))?;
        check_value(range, value).map_err(|fault| fault.under(name))?;
    }
    Ok(())
}

/// One of several choices must fit. If none fits, the error is that of the most likely choice.
fn check_choices(range: &Range, choices: &[Range], value: &Value) -> Result<(), Fault> {
    if choices.iter().any(|choice| check_value(choice, value).is_ok()) {
        return Ok(());
    }
    let meant = |choice: &&Range| match (choice, value) {
        (Range::Table(keys), Value::Table(table)) => {
            keys.iter().any(|(name, range)| match (range, table.get(name)) {
                (Range::Word(word), Some(given)) => name != "type" || given.as_str() == Some(word),
                (_, given) => given.is_some(),
            })
        }
        (Range::Plugin(_), Value::Table(_)) | (Range::List(..), Value::Array(_)) => true,
        _ => false,
    };
    // The `type` of the table, if given, selects the choice.
    let types: Vec<&str> = choices.iter().filter_map(type_of).collect();
    if let (false, Value::Table(table)) = (types.is_empty(), value) {
        match table.get("type") {
            Some(Value::String(name)) => {
                let meant = choices.iter().find(|choice| type_of(choice) == Some(name));
                return meant.map_or_else(
                    || Err(Fault::new("type", unknown("value", name, &types))),
                    |choice| check_value(choice, value),
                );
            }
            _ => {
                return Err(Fault::new(
                    "",
                    format!("needs the key `type`; known types are {}", types.join(", ")),
                ));
            }
        }
    }
    let words: Option<Vec<&str>> = choices
        .iter()
        .map(|choice| if let Range::Word(word) = choice { Some(word.as_str()) } else { None })
        .collect();
    if let (Some(words), Value::String(name)) = (words, value) {
        return Err(Fault::new("", unknown("value", name, &words)));
    }
    let mut meant = choices.iter().filter(meant);
    match (meant.next(), meant.next()) {
        (Some(choice), None) => check_value(choice, value),
        _ => Err(Fault::new("", format!("expected {range}, got {}", shown(value)))),
    }
}

/// The `type` that a table must have, if it must have one.
fn type_of(range: &Range) -> Option<&str> {
    let Range::Table(keys) = range else { return None };
    keys.iter().find_map(|(name, range)| match range {
        Range::Word(word) if name == "type" => Some(word.as_str()),
        _ => None,
    })
}

/// The path of the deepest table that could have the key `name` but does not.
pub fn lacking(keys: &[Key], table: &Table, name: &str) -> Option<String> {
    let below = keys.iter().filter_map(|key| Some((key.name, table.get(key.name)?, key.range().ok()?)));
    let deeper = below
        .into_iter()
        .find_map(|(key, value, range)| lacking_below(&range, value, name).map(|path| join(key, &path)));
    let here = keys.iter().any(|key| key.name == name) && !table.contains_key(name);
    deeper.or_else(|| here.then(String::new))
}

fn lacking_below(range: &Range, value: &Value, name: &str) -> Option<String> {
    match (range, value) {
        (Range::Plugin(family), Value::Table(table)) => {
            let plugin = registry::plugins(*family)
                .into_iter()
                .find(|plugin| table.get(family.tag()).and_then(Value::as_str) == Some(plugin.name))?;
            lacking(plugin.keys, table, name)
        }
        (Range::Table(keys), Value::Table(table)) => {
            let deeper = keys.iter().find_map(|(key, range)| {
                lacking_below(range, table.get(key)?, name).map(|path| join(key, &path))
            });
            let here = keys.iter().any(|(key, _)| key == name) && !table.contains_key(name);
            deeper.or_else(|| here.then(String::new))
        }
        (Range::Either(choices), value) => choices
            .iter()
            .filter(|choice| check_value(choice, value).is_ok())
            .find_map(|choice| lacking_below(choice, value, name)),
        (Range::List(_, of), Value::Array(values)) => values.iter().enumerate().find_map(|(place, value)| {
            lacking_below(of, value, name).map(|path| join(&place.to_string(), &path))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [Key; 5] = [
        Key { name: "rate", default: "", range: "> 0", meaning: "m" },
        Key { name: "kind", default: "", range: "one | other", meaning: "m" },
        Key {
            name: "negatives",
            default: "",
            range: "{ type = random, count = 1..=9 } | { type = all }",
            meaning: "m",
        },
        Key { name: "size", default: "", range: "1..=8 | list of 1..=8", meaning: "m" },
        Key { name: "every", default: "", range: "{ epochs = 1.. } | { steps = 1.. }", meaning: "m" },
    ];

    fn fault(text: &str) -> String {
        let table: Table = text.parse().unwrap();
        let given = table.iter().map(|(name, value)| (name.as_str(), value));
        check_keys(&KEYS, given).err().map_or_else(String::new, |fault| fault.to_string())
    }

    #[test]
    fn every_fault_has_its_path_and_says_what_was_expected() {
        for (text, expected) in [
            ("rate = 1\nkind = \"one\"\nnegatives = { type = \"random\" }\nsize = [1, 8]", ""),
            ("rate = 0", "rate: expected a number > 0, got 0"),
            ("rate = nan", "rate: expected a number > 0, got NaN"),
            ("rate = 1e300", "rate: expected a number > 0, got 1e300 (which 32 bits do not hold)"),
            ("rate = 1e-60", "rate: expected a number > 0, got 1e-60 (which 32 bits do not hold)"),
            ("rate = -0.25", "rate: expected a number > 0, got -0.25"),
            ("rate = \"high\"", "rate: expected a number > 0, got \"high\""),
            (
                "rte = 1",
                "rte: unknown key `rte`: did you mean `rate`? known are rate, kind, negatives, size, every",
            ),
            (
                "rate = 0\nkid = 1",
                "kid: unknown key `kid`: did you mean `kind`? known are rate, kind, negatives, size, every",
            ),
            ("kind = \"ohter\"", "kind: unknown value `ohter`: did you mean `other`? known are one, other"),
            ("kind = 3", "kind: expected \"one\" or \"other\", got 3"),
            (
                "negatives = { type = \"random\", count = 10 }",
                "negatives.count: expected a whole number in 1..=9, got 10",
            ),
            (
                "negatives = { type = \"all\", count = 1 }",
                "negatives.count: unknown key `count`: this table has no keys",
            ),
            (
                "negatives = { type = \"al\" }",
                "negatives.type: unknown value `al`: did you mean `all`? known are random, all",
            ),
            ("negatives = { count = 1 }", "negatives: needs the key `type`; known types are random, all"),
            ("size = [1, 9]", "size.1: expected a whole number in 1..=8, got 9"),
            (
                "size = 2.0",
                "size: expected a whole number in 1..=8 or a list of values, each a whole number in 1..=8, got 2",
            ),
            ("every = { steps = 0 }", "every.steps: expected a whole number of at least 1, got 0"),
            ("every = 3", "every: expected { epochs = … } or { steps = … }, got 3"),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_missing_is_found_in_the_deepest_table_that_could_have_it() {
        let lacks = |text: &str, name| lacking(&KEYS, &text.parse::<Table>().unwrap(), name);
        assert_eq!(lacks("negatives = { type = \"random\" }", "count").as_deref(), Some("negatives"));
        assert_eq!(lacks("kind = \"one\"", "rate").as_deref(), Some(""));
        assert_eq!(lacks("rate = 1", "rate"), None);
    }
}
