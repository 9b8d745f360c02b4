//! Writes a config as TOML, with all defaults filled in.

use super::Config;
use plasticity_core::{Error, Result};
use serde::Serialize;
use toml::{Table, Value};

impl Config {
    /// The resolved config as TOML, as it is saved with a run.
    ///
    /// # Errors
    /// If a plugin's config has a value that TOML cannot express.
    pub fn to_toml(&self) -> Result<String> {
        let refused = |error: toml::ser::Error| Error::config("config", error.to_string());
        toml::to_string_pretty(&self.to_table()?).map_err(refused)
    }

    /// The override that sets the stimuli of this config in another one.
    ///
    /// # Errors
    /// If a value cannot be written as TOML.
    pub fn stimulus_override(&self) -> Result<String> {
        Ok(format!("stimulus={}", value(&self.stimulus)?))
    }

    pub(super) fn to_table(&self) -> Result<Table> {
        let mut table = Table::new();
        table.insert("seed".to_owned(), value(&self.seed)?);
        table.insert("stimulus".to_owned(), value(&self.stimulus)?);
        table.insert("encoder".to_owned(), Value::Table(self.encoder.write()?));
        table.insert("rule".to_owned(), value(&self.rule)?);
        table.insert("training".to_owned(), value(&self.training)?);
        table.insert("probe".to_owned(), value(&self.probe)?);
        if !self.observers.is_empty() {
            table.insert("observers".to_owned(), value(&self.observers)?);
        }
        Ok(table)
    }

    /// `[stimulus]` as written; empty if it cannot be written.
    pub(crate) fn stimulus_table(&self) -> Value {
        value(&self.stimulus).unwrap_or(Value::Table(Table::new()))
    }

    /// Whether the stimuli differ from those of `other`.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn other_stimuli(&self, other: &Self) -> Result<bool> {
        Ok(value(&self.stimulus)? != value(&other.stimulus)?)
    }

    /// The keys that must be the same to resume from a checkpoint: seed, encoder, rule, batch, optimiser, its
    /// rates, schedule and turns, and what rules see with several ranks. Stimuli, lengths, precision, observers and
    /// probe are left out, because a resumed run may change them.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn learning_keys(&self) -> Result<Table> {
        Ok(learning_keys(self.to_table()?))
    }

    /// The same config with other [`learning_keys`](Self::learning_keys), for example those of a checkpoint.
    /// Missing keys, which the program that wrote them did not have, get their defaults. `parallel` is also theirs.
    ///
    /// # Errors
    /// If they have keys or values that this program does not know.
    pub fn with_learning_keys(&self, keys: &Table) -> Result<Self> {
        let mut table = self.to_table()?;
        for (key, value) in keys {
            match (table.get_mut(key), value) {
                (Some(Value::Table(training)), Value::Table(own)) if key == "training" => {
                    training.retain(|key, _| !LEARNING.contains(&key) && key != "parallel");
                    training.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                _ => drop(table.insert(key.clone(), value.clone())),
            }
        }
        Self::parse(&table.to_string(), "the checkpoint's config")
    }

    /// A hash of the [`learning_keys`](Self::learning_keys): FNV-1a of their TOML.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn fingerprint(&self) -> Result<String> {
        Ok(hash(&self.learning_keys()?))
    }

    /// A hash of everything that affects a probe except the checkpoint: stimuli, probe, and the keys of the
    /// [`fingerprint`](Self::fingerprint).
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn probe_fingerprint(&self) -> Result<String> {
        let mut table = self.to_table()?;
        table.retain(|key, _| ["stimulus", "probe"].contains(&key));
        if let Some(Value::Table(probe)) = table.get_mut("probe") {
            probe.retain(|key, _| !["every", "every_stimuli"].contains(&key));
        }
        table.insert("network".to_owned(), Value::String(self.fingerprint()?));
        Ok(hash(&table))
    }
}

/// The keys of `[training]` that affect how weights move.
const LEARNING: [&str; 8] =
    ["batch", "presentations", "optimiser", "module_rates", "layer_rates", "schedule", "turns", "negatives"];

/// The [`fingerprint`](Config::fingerprint) of a config as it was written, without the defaults of this program.
pub(crate) fn fingerprint_as_written(table: Table) -> String {
    hash(&learning_keys(table))
}

/// The [`Config::learning_keys`] of a written config.
pub(crate) fn learning_keys(mut table: Table) -> Table {
    table.retain(|key, _| ["seed", "encoder", "rule", "training"].contains(&key));
    if let Some(Value::Table(training)) = table.get_mut("training") {
        // The other ways to divide steps among threads give the same bits.
        let free = |key: &str, value: &Value| key == "parallel" && value.as_str() == Some("free_pipeline");
        training.retain(|key, value| LEARNING.contains(&key) || free(key, value));
    }
    table
}

fn hash(table: &Table) -> String {
    let hash = table.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// A part of a config as TOML.
///
/// # Errors
/// If it has a value that TOML cannot express.
pub(super) fn value<T: Serialize + ?Sized>(of: &T) -> Result<Value> {
    let value = Value::try_from(of).map_err(|error| Error::config("config", error.to_string()))?;
    Ok(short(value))
}

/// The same value, with numbers as short as possible.
fn short(value: Value) -> Value {
    match value {
        Value::Float(number) => Value::Float(shortest(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(short).collect()),
        Value::Table(table) => {
            Value::Table(table.into_iter().map(|(key, value)| (key, short(value))).collect())
        }
        other => other,
    }
}

/// The shortest decimal that is read as the same f32: 0.0002, not 0.00019999999494757503.
fn shortest(value: f64) -> f64 {
    let narrow = value as f32;
    if f64::from(narrow) == value { narrow.to_string().parse().unwrap_or(value) } else { value }
}
