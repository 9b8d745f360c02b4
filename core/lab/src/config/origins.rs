//! Where each key of a resolved config comes from.

use super::Config;
use plasticity_core::Result;
use plasticity_core::keys::join;
use std::collections::BTreeMap;
use toml::Value;

/// The origin of a key that no file and no override sets.
const DEFAULT: &str = "default";

impl Config {
    /// The origin of every key of the resolved config, by its path (`training.optimiser.rate`,
    /// `encoder.layers.0.channels`): `file:line`, the override that set it, or `default`.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn origins(&self) -> Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for (key, value) in self.to_table()? {
            self.note(key, &value, &mut all);
        }
        Ok(all)
    }

    fn note(&self, path: String, value: &Value, all: &mut BTreeMap<String, String>) {
        match value {
            Value::Table(table) => {
                table.iter().for_each(|(key, value)| self.note(join(&path, key), value, all));
            }
            Value::Array(items) if items.iter().any(Value::is_table) => {
                let each = items.iter().enumerate();
                each.for_each(|(place, item)| self.note(join(&path, &place.to_string()), item, all));
            }
            _ => {
                let origin = self.origin(&path).unwrap_or_else(|| DEFAULT.to_owned());
                all.insert(path, origin);
            }
        }
    }

    fn origin(&self, path: &str) -> Option<String> {
        // A name may replace a table of this type, and the older key of a probe the newer one.
        let other = match path {
            "probe.protocol" => Some("probe.standardise"),
            _ => path.strip_suffix(".type").or_else(|| path.strip_suffix(".preset")),
        };
        let document = &self.document;
        document.origin(path).or_else(|| {
            let other = other?;
            let is_table = document.value(other).is_some_and(Value::is_table);
            document.origin(other).filter(|_| !is_table)
        })
    }
}
