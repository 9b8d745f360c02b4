//! A reference case: a safetensors file with a small network, a stimulus and the expected results.

use plasticity_core::{Error, Result};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The metadata key `case`.
#[derive(Debug, Deserialize)]
pub struct Description {
    /// `vision`, `audio`, `video` or `views`.
    pub modality: String,
    /// The rule, with the names of the format.
    pub rule: serde_json::Map<String, Value>,
    /// The layers, with the names of the format.
    pub layers: Vec<serde_json::Map<String, Value>>,
    /// Layer indices of every module.
    pub modules: Vec<Vec<usize>>,
    /// How patches are cut (vision).
    pub patch: Option<Patch>,
    /// Number of classes, for supervised rules.
    pub classes: Option<usize>,
}

/// Patches without padding.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Patch {
    /// Rows and columns of a patch.
    pub size: usize,
    /// Step between patches.
    pub stride: usize,
}

/// A tensor of floats in the file.
#[derive(Clone, Debug)]
pub struct Floats {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

/// The tensors of a file, and its metadata key `case`.
#[derive(Debug)]
pub struct Tensors {
    /// The file.
    pub path: PathBuf,
    /// The metadata key `case`.
    pub said: Value,
    /// Tensors of floats by name.
    pub floats: BTreeMap<String, Floats>,
    /// Tensors of integers by name.
    pub integers: BTreeMap<String, Vec<i64>>,
}

impl Tensors {
    /// Reads a file.
    ///
    /// # Errors
    /// If the file does not follow the format; the error says where.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |message: String| Error::file(path, message);
        let bytes = plasticity_core::files::read(path).map_err(|error| bad(error.to_string()))?;
        let not = |error| bad(format!("is not a complete safetensors file: {error}"));
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(not)?;
        let empty = HashMap::new();
        let described = metadata.metadata().as_ref().unwrap_or(&empty).get("case");
        let described = described
            .ok_or_else(|| bad("has no metadata key `case`, so it is not a reference case".into()))?;
        let said =
            serde_json::from_str(described).map_err(|error| bad(format!("metadata `case`: {error}")))?;
        let mut tensors =
            Self { path: path.to_owned(), said, floats: BTreeMap::new(), integers: BTreeMap::new() };
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(not)?.tensors() {
            let data = view.data();
            match view.dtype() {
                Dtype::F32 => {
                    let values =
                        data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
                    tensors.floats.insert(name, Floats { shape: view.shape().to_vec(), values });
                }
                Dtype::I64 => {
                    let value =
                        |b: &[u8]| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
                    tensors.integers.insert(name, data.chunks_exact(8).map(value).collect());
                }
                other => return Err(bad(format!("`{name}` is {other:?}; expected F32 or I64"))),
            }
        }
        Ok(tensors)
    }

    /// A tensor of floats that must be there.
    ///
    /// # Errors
    /// If it is missing.
    pub fn float(&self, name: &str) -> Result<&Floats> {
        self.floats.get(name).ok_or_else(|| self.bad(format!("has no tensor `{name}`")))
    }

    /// An error about this file.
    pub fn bad(&self, message: impl ToString) -> Error {
        Error::file(&self.path, message)
    }
}

/// A file that describes a network.
#[derive(Debug)]
pub struct Case {
    /// The network.
    pub description: Description,
    tensors: Tensors,
}

impl Case {
    /// The network that a file describes.
    ///
    /// # Errors
    /// If the description does not follow the format; the error says where.
    pub fn of(tensors: Tensors) -> Result<Self> {
        let description = Description::deserialize(&tensors.said);
        let description = description.map_err(|error| tensors.bad(format!("metadata `case`: {error}")))?;
        Ok(Self { description, tensors })
    }
}

impl std::ops::Deref for Case {
    type Target = Tensors;

    fn deref(&self) -> &Tensors {
        &self.tensors
    }
}
