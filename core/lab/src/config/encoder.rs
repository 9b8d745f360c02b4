//! The section `[encoder]`: a named preset or a list of layers, and which layers share a module.

use super::diagnosis;
use super::document::Document;
use super::write::value;
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::plasticity::Modules;
use plasticity_core::registry::Family;
use plasticity_core::{Error, Result};
use toml::{Table, Value};

/// `[encoder]`.
#[derive(Debug)]
pub struct EncoderConfig {
    /// The preset of the layers, if any.
    pub preset: Option<Box<dyn EncoderPreset>>,
    /// The layers, first to last.
    pub layers: Vec<Box<dyn LayerSpec>>,
    /// Which of them share a module; `None`: the rule decides.
    pub modules: Option<Modules>,
}

impl EncoderConfig {
    pub(super) fn read(document: &Document, mut table: Table) -> Result<Self> {
        let modules =
            table.remove("modules").map(|value| modules(document, "encoder.modules", value)).transpose()?;
        let (preset, layers) = match table.remove("layers") {
            Some(_) if table.contains_key("preset") => {
                let message = "has both `preset` and `layers`: remove one of them";
                return Err(document.error("encoder.layers", message));
            }
            Some(layers) => {
                if let Some(key) = table.keys().next() {
                    let message = plasticity_core::registry::unknown("key", key, &["layers", "modules"]);
                    return Err(document.error(&format!("encoder.{key}"), message));
                }
                (None, self::layers(document, layers)?)
            }
            None => {
                let preset: Box<dyn EncoderPreset> =
                    diagnosis::plugin(document, "encoder", Family::Preset, table)?;
                let layers = preset.layers().map_err(|error| document.locate(error.under("encoder")))?;
                (Some(preset), layers)
            }
        };
        Ok(Self { preset, layers, modules })
    }

    pub(super) fn write(&self) -> Result<Table> {
        let mut table = match &self.preset {
            Some(preset) => match value(preset)? {
                Value::Table(preset) => preset,
                _ => return Err(Error::config("encoder", "the preset is not written as a table")),
            },
            None => Table::from_iter([("layers".to_owned(), value(&self.layers)?)]),
        };
        if let Some(modules) = &self.modules {
            table.insert("modules".to_owned(), value(modules)?);
        }
        Ok(table)
    }
}

fn layers(document: &Document, value: Value) -> Result<Vec<Box<dyn LayerSpec>>> {
    match value {
        Value::Array(items) if !items.is_empty() => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let path = format!("encoder.layers.{index}");
                match item {
                    Value::Table(table) => diagnosis::plugin(document, &path, Family::Layer, table),
                    other => {
                        let message =
                            format!("expected a layer such as {{ type = \"conv2d\" }}, got {other}");
                        Err(document.error(&path, message))
                    }
                }
            })
            .collect(),
        other => {
            let message = format!("expected a list of layers such as [{{ type = \"conv2d\" }}], got {other}");
            Err(document.error("encoder.layers", message))
        }
    }
}

/// Reads `modules`: a name, or lists of layers counted from 1.
fn modules(document: &Document, path: &str, value: Value) -> Result<Modules> {
    let refuse = |value: &Value| {
        let message = format!(
            "expected a name such as \"layerwise\" or lists of layers such as [[1, 2, 3], [4, 5, 6]], got {value}"
        );
        document.error(path, message)
    };
    match &value {
        Value::String(name) => Ok(Modules::Named(name.clone())),
        Value::Integer(name) => Ok(Modules::Named(name.to_string())),
        Value::Array(lists) => {
            let number = |layer: &Value| layer.as_integer().and_then(|layer| usize::try_from(layer).ok());
            let list = |list: &Value| list.as_array()?.iter().map(number).collect::<Option<Vec<_>>>();
            let lists = lists.iter().map(list).collect::<Option<Vec<_>>>().ok_or_else(|| refuse(&value))?;
            Ok(Modules::Lists(lists))
        }
        _ => Err(refuse(&value)),
    }
}
