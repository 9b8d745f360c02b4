//! Writes gathered features as safetensors, layer by layer. The crate `safetensors` would need all values in
//! memory.

use super::gather::Gathered;
use super::pack::write_new;
use plasticity_core::{Error, Result};
use serde_json::{Map, Value, json};
use std::io::{Seek, Write};
use std::path::Path;

/// Writes the tensors `layerN` and `input` (for whole maps) as float32, and `labels` and `stimulus` as int64.
/// The metadata has `axes`, `step`, and `names` and `classes` as JSON.
pub fn write(path: &Path, gathered: Gathered) -> Result<()> {
    let Gathered { mut layers, labels, label_shape, stimuli, names, classes, axes, step } = gathered;
    let text = |values: &[String]| Value::from(values).to_string();
    let mut header = Map::new();
    let metadata = json!({
        "axes": axes, "step": step.to_string(), "names": text(&names), "classes": text(&classes),
    });
    header.insert("__metadata__".to_owned(), metadata);
    let mut end = 0;
    let mut enter = |name: String, dtype: &str, size: usize, shape: &[usize]| {
        let from = end;
        end += size * shape.iter().product::<usize>();
        header.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": [from, end] }));
    };
    enter("labels".to_owned(), "I64", 8, &label_shape);
    enter("stimulus".to_owned(), "I64", 8, &[stimuli.len()]);
    for array in &layers {
        enter(array.name(), "F32", 4, &array.shape);
    }
    let mut header = Value::from(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    write_new(path, |file| {
        let mut all = || -> std::io::Result<()> {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(header.as_bytes())?;
            labels.iter().chain(&stimuli).try_for_each(|value| file.write_all(&value.to_le_bytes()))?;
            for array in &mut layers {
                array.values.rewind()?;
                std::io::copy(&mut array.values, file)?;
            }
            Ok(())
        };
        all().map_err(|error| Error::file(path, format!("cannot be written: {error}")))
    })
}
