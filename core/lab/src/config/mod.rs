//! Configs: what is trained, on which stimuli, by which rule.
//!
//! A config is TOML with the sections `[stimulus]`, `[encoder]`, `[rule]`, `[training]` and `[probe]`, and
//! may have `[[observers]]`. It may extend others ([`Document::read`]). Stimuli, layers, presets, rules and
//! observers are plugins, each with its own keys; see [`plasticity_core::registry`].

mod all_layers;
mod diagnosis;
mod document;
mod encoder;
mod every;
mod origins;
mod probe;
#[cfg(test)]
mod stated;
#[cfg(test)]
mod tests;
mod training;
mod write;

pub use all_layers::AllLayers;
pub use document::Document;
pub use encoder::EncoderConfig;
pub use every::Every;
pub use probe::{PROBE, ProbeConfig};
pub use training::{BestBy, Parallel, Patience, TRAINING, Training};
pub(crate) use write::{fingerprint_as_written, learning_keys};

use crate::modules::resolve;
use plasticity_core::observer::ObserverSpec;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::{Family, unknown};
use plasticity_core::stimulus::{Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result};
use std::ops::Range;
use std::path::Path;
use toml::{Table, Value};

/// The keys at the top of a config.
const SECTIONS: [&str; 7] = ["seed", "stimulus", "encoder", "rule", "training", "probe", "observers"];

/// A config, read and checked.
#[derive(Debug)]
pub struct Config {
    /// All random choices follow from it.
    pub seed: u64,
    /// The stimuli for learning and for the probe.
    pub stimulus: Box<dyn StimulusSpec>,
    /// The layers and their modules.
    pub encoder: EncoderConfig,
    /// The rule of every module.
    pub rule: Box<dyn RuleSpec>,
    /// Length, batches and learning rates.
    pub training: Training,
    /// The linear probe.
    pub probe: ProbeConfig,
    /// Observers in addition to the records of every run.
    pub observers: Vec<Box<dyn ObserverSpec>>,
    document: Document,
}

impl Config {
    /// Reads a file, merged over the configs that it extends, and overrides some of its keys (`training.batch=16`).
    ///
    /// # Errors
    /// If the config is not valid; the error names file, line and key (or the override), what was expected and what
    /// was found.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        Self::from_document(Document::read(path)?.overridden(overrides)?)
    }

    /// Reads a config from text; `file` names it in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        Self::from_document(Document::parse(text, file)?)
    }

    /// Reads a config from a document.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_document(document: Document) -> Result<Self> {
        if let Some(key) = document.table().keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            let known: Vec<_> = std::iter::once(document::EXTENDS).chain(SECTIONS).collect();
            return Err(document.error(key, unknown("key", key, &known)));
        }
        let seed = match document.table().get("seed") {
            Some(Value::Integer(seed)) if *seed >= 0 => seed.unsigned_abs(),
            Some(other) => {
                return Err(
                    document.error("seed", format!("expected a whole number of at least 0, got {other}"))
                );
            }
            None => return Err(document.error("seed", "is missing: give a whole number of at least 0")),
        };
        let stimulus: Box<dyn StimulusSpec> =
            diagnosis::plugin(&document, "stimulus", Family::Stimulus, section(&document, "stimulus")?)?;
        let encoder = EncoderConfig::read(&document, section(&document, "encoder")?)?;
        let rule: Box<dyn RuleSpec> =
            diagnosis::plugin(&document, "rule", Family::Rule, section(&document, "rule")?)?;
        let training = section(&document, "training")?;
        if let Some(optimiser) = training.get("optimiser") {
            diagnosis::check_optimisers(&document, "training.optimiser", optimiser)?;
        }
        let training: Training = diagnosis::section(&document, "training", &TRAINING, training)?;
        training.check().map_err(|error| document.locate(error))?;
        let probe: ProbeConfig = match document.table().get("probe") {
            Some(_) => {
                let table = section(&document, "probe")?;
                if table.contains_key("standardise") && table.contains_key("protocol") {
                    let message = "is the old name of `protocol`: remove one of the two";
                    return Err(document.error("probe.standardise", message));
                }
                diagnosis::section::<ProbeConfig>(&document, "probe", &PROBE, table)?.renamed()
            }
            None => ProbeConfig::default(),
        };
        if let (Some(Patience::Probe(_)), None) = (training.patience, probe.every) {
            let message = "{ probe = … } needs the key `probe.every`";
            return Err(document.error("training.patience", message));
        }
        let observers = observers(&document)?;
        let config = Self { seed, stimulus, encoder, rule, training, probe, observers, document };
        let modules = config.modules()?.len();
        config.training.check_modules(modules).map_err(|error| config.locate(error))?;
        Ok(config)
    }

    /// The layers (from 0) of every module.
    ///
    /// # Errors
    /// If the division leaves out or repeats a layer.
    pub fn modules(&self) -> Result<Vec<Range<usize>>> {
        let modules = self.encoder.modules.clone().unwrap_or_else(|| self.rule.demands().modules);
        resolve(&modules, self.encoder.layers.len()).map_err(|error| self.locate(error))
    }

    /// Opens one split of the stimuli.
    ///
    /// # Errors
    /// As [`StimulusSpec::open`]; an error about a key also names file and line.
    pub fn open_stimulus(&self, split: Split) -> Result<Box<dyn Stimulus>> {
        self.stimulus.open(split, self.seed).map_err(|error| self.locate(error.under("stimulus")))
    }

    /// Adds file and line to an error about a key of this config.
    pub fn locate(&self, error: Error) -> Error {
        self.document.locate(error)
    }

    /// The place of a key: file, line and key.
    pub fn place(&self, path: &str) -> String {
        self.document.place(path)
    }
}

/// Reads `[[observers]]`.
fn observers(document: &Document) -> Result<Vec<Box<dyn ObserverSpec>>> {
    match document.table().get("observers") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let one = |(index, item): (usize, &Value)| {
                let path = format!("observers.{index}");
                let Value::Table(table) = item else {
                    let message = format!("expected a table with a `type`, got {item}");
                    return Err(document.error(&path, message));
                };
                diagnosis::plugin(document, &path, Family::Observer, table.clone())
            };
            items.iter().enumerate().map(one).collect()
        }
        Some(other) => {
            let message = format!("expected tables [[observers]], each with a `type`, got {other}");
            Err(document.error("observers", message))
        }
    }
}

fn section(document: &Document, key: &str) -> Result<Table> {
    match document.table().get(key) {
        Some(Value::Table(table)) => Ok(table.clone()),
        Some(other) => Err(document.error(key, format!("expected a section [{key}], got {other}"))),
        None => Err(document.error(key, format!("the section [{key}] is missing"))),
    }
}
