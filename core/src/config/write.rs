//! A config back to TOML, with all defaults filled in.

use super::Config;
use crate::error::{Error, Result};
use toml::{Table, Value};

impl Config {
    /// The resolved config as TOML: what is saved with a run.
    ///
    /// # Errors
    /// Where a plugin's config holds something that TOML cannot.
    pub fn to_toml(&self) -> Result<String> {
        let refused = |error: toml::ser::Error| Error::config("config", error.to_string());
        toml::to_string_pretty(&self.to_table()?).map_err(refused)
    }

    fn to_table(&self) -> Result<Table> {
        let refused = |error: serde_json::Error| Error::config("config", error.to_string());
        let mut table = Table::new();
        let sections = [
            ("seed", serde_json::to_value(self.seed)),
            ("stimulus", serde_json::to_value(&self.stimulus)),
            ("encoder", Ok(serde_json::Value::Object(self.encoder.write()?))),
            ("rule", serde_json::to_value(&self.rule)),
            ("training", serde_json::to_value(&self.training)),
            ("probe", serde_json::to_value(&self.probe)),
        ];
        for (key, value) in sections {
            if let Some(value) = to_toml_value(&value.map_err(refused)?) {
                table.insert(key.to_owned(), value);
            }
        }
        Ok(table)
    }

    /// A number that stands for all that decides what a checkpoint's numbers mean: seed, encoder, rule, batch and
    /// optimiser (FNV-1a of their TOML). Paths of stimuli, lengths and read-out are left out: they may change.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn fingerprint(&self) -> Result<String> {
        let mut table = self.to_table()?;
        let training = table.remove("training");
        table.retain(|key, _| ["seed", "encoder", "rule"].contains(&key));
        for key in ["batch", "optimiser"] {
            if let Some(value) = training.as_ref().and_then(|training| training.get(key)) {
                table.insert(key.to_owned(), value.clone());
            }
        }
        let hash = table.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(format!("{hash:016x}"))
    }
}

/// JSON's values as TOML's; `None` for null, which TOML writes by leaving the key out.
fn to_toml_value(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(value) => Value::Boolean(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Float(shortest(number.as_f64()?)),
        },
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().filter_map(to_toml_value).collect()),
        serde_json::Value::Object(map) => Value::Table(
            map.iter().filter_map(|(key, value)| Some((key.clone(), to_toml_value(value)?))).collect(),
        ),
    })
}

/// An f32 that was widened, as the shortest decimal that reads back as it: 0.0002, not 0.00019999999494757503.
fn shortest(value: f64) -> f64 {
    let narrow = value as f32;
    if f64::from(narrow) == value { narrow.to_string().parse().unwrap_or(value) } else { value }
}
