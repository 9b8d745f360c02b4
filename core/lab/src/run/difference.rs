//! Finds the first setting that makes a checkpoint incompatible with a config.

use crate::config::Config;
use plasticity_core::Result;
use toml::Value;

/// The message if the key is not known.
pub(super) const UNKNOWN: &str = "the encoder, rule, batch or optimiser is different";

/// The first key that makes a checkpoint of `theirs` incompatible with `ours`: both values, and the origin of our
/// value. `None` if one config can resume from the other's checkpoints.
///
/// # Errors
/// As [`Config::to_toml`].
pub fn difference(theirs: &Config, ours: &Config) -> Result<Option<String>> {
    let (before, now) = (theirs.learning_keys()?, ours.learning_keys()?);
    let mut keys = before.keys().chain(now.keys());
    let found = keys.find_map(|key| first(key.clone(), before.get(key), now.get(key)));
    let text = |value: Option<&Value>| value.map_or("not set".to_owned(), Value::to_string);
    Ok(found.map(|Difference { key, theirs, ours: value }| {
        format!("{key} was {} and is {} here ({})", text(theirs), text(value), ours.place(&key))
    }))
}

struct Difference<'a> {
    key: String,
    theirs: Option<&'a Value>,
    ours: Option<&'a Value>,
}

/// The first difference of two values. The `type` or `preset` of a table is compared before its other keys.
fn first<'a>(key: String, theirs: Option<&'a Value>, ours: Option<&'a Value>) -> Option<Difference<'a>> {
    if theirs == ours {
        return None;
    }
    match (theirs, ours) {
        (Some(Value::Table(before)), Some(Value::Table(now))) => {
            let names = ["type", "preset"].into_iter();
            let mut keys = names.chain(before.keys().chain(now.keys()).map(String::as_str));
            keys.find_map(|inner| first(format!("{key}.{inner}"), before.get(inner), now.get(inner)))
        }
        (Some(Value::Array(before)), Some(Value::Array(now))) if before.len() == now.len() => {
            let mut places = 0..before.len();
            places.find_map(|place| first(format!("{key}.{place}"), before.get(place), now.get(place)))
        }
        _ => Some(Difference { key, theirs, ours }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_that_differs_is_found_and_names_come_first() {
        let table = |text: &str| Value::Table(text.parse().unwrap());
        let found = |theirs: &Value, ours: &Value| {
            first("rule".to_owned(), Some(theirs), Some(ours)).map(|found| found.key).unwrap_or_default()
        };
        let clapp = table("negatives = 3\ntype = \"clapp\"\nscore = { type = \"bilinear\", initial = 0.1 }");
        assert_eq!(found(&clapp, &clapp), "");
        assert_eq!(found(&clapp, &table("negatives = 4\ntype = \"cpc\"")), "rule.type");
        let other = table("negatives = 3\ntype = \"clapp\"\nscore = { type = \"bilinear\", initial = 0.2 }");
        assert_eq!(found(&clapp, &other), "rule.score.initial");
        assert_eq!(found(&clapp, &table("negatives = 3\ntype = \"clapp\"")), "rule.score");
        assert_eq!(found(&table("type = \"clapp\""), &clapp), "rule.negatives");
        let pools = |pools: &str| table(&format!("pool = [{pools}]"));
        assert_eq!(found(&pools("4, 2"), &pools("4, 1")), "rule.pool.1");
        assert_eq!(found(&pools("4, 2"), &pools("4")), "rule.pool");
    }
}
