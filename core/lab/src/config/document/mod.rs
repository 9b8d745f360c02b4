//! A config as written: its values and their places, so that every error can name the line.

mod extends;
mod origins;
mod set;

pub(crate) use extends::EXTENDS;

use origins::{Origin, Origins};
use plasticity_core::{Error, Result};
use std::path::Path;
use toml::de::DeTable;
use toml::{Table, Value};

/// The values of a config file, merged over the configs that it [`extends`], after all overrides. Each value
/// has its origin: a line or an override.
///
/// [`extends`]: Document::read
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    table: Table,
    origins: Origins,
}

impl Document {
    /// Reads a file and the configs that its key `extends` names (a path or a list of paths, relative to the
    /// file's folder), and merges it over them, key by key. A table with another `type` or `preset` replaces
    /// the table of the base.
    ///
    /// # Errors
    /// If a file cannot be read, is not TOML, or extends itself; the error names file and line.
    pub fn read(path: &Path) -> Result<Self> {
        extends::read(path, &mut Vec::new())
    }

    /// Parses a config; `file` names it in errors, and paths in its `extends` are relative to the folder of `file`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let path = Path::new(file);
        extends::resolved(Self::alone(text, file)?, path, &mut vec![path.to_owned()])
    }

    /// Parses a config, with its `extends` as it is written.
    fn alone(text: &str, file: &str) -> Result<Self> {
        let line = |at: usize| text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
        let syntax = |error: toml::de::Error| {
            let place = match error.span() {
                Some(span) => format!("{file}:{}", line(span.start)),
                None => file.to_owned(),
            };
            Error::config(place, format!("is not TOML: {}", error.message().trim()))
        };
        let spanned = DeTable::parse(text).map_err(syntax)?;
        let origins = Origins::of(spanned.get_ref(), file, &line);
        let table = text.parse::<Table>().map_err(syntax)?;
        Ok(Self { file: file.to_owned(), table, origins })
    }

    /// The values.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The place of a key: `file:line: key`, or the override that set it. For a key that is not written, it is the
    /// place of the table that lacks it.
    pub fn place(&self, path: &str) -> String {
        match self.origins.nearest(path) {
            Some((known, Origin::Set(set))) if known == path => set.clone(),
            Some((_, origin)) => format!("{origin}: {path}"),
            None => format!("{}: {path}", self.file),
        }
    }

    /// The value at a path, if one is written.
    pub fn value(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let first = self.table.get(keys.next()?)?;
        keys.try_fold(first, |value, key| match value {
            Value::Table(table) => table.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The origin of a value, `file:line` or the override; `None` if it is not written.
    pub fn origin(&self, path: &str) -> Option<String> {
        self.value(path)?;
        self.origins.nearest(path).map(|(_, origin)| origin.to_string())
    }

    /// An error about a key, with its place.
    pub fn error(&self, path: &str, message: impl Into<String>) -> Error {
        Error::config(self.place(path), message)
    }

    /// Adds file and line to a config error whose place is only a key.
    pub fn locate(&self, error: Error) -> Error {
        match error {
            Error::Config { place, message } if self.knows(&place) => self.error(&place, message),
            other => other,
        }
    }

    fn knows(&self, path: &str) -> bool {
        let section = path.split('.').next().unwrap_or_default();
        super::SECTIONS.contains(&section) && !path.contains([':', ' '])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "seed = 2\n[training]\nepochs = 1\n[rule]\ntype = \"clapp\"\nsteps = 3\n[encoder]\nlayers = [\n  { type = \"a\" },\n  { type = \"b\" },\n]\n";

    #[test]
    fn every_value_knows_its_line() {
        let document = Document::parse(TEXT, "c.toml").unwrap();
        assert_eq!(document.place("rule.steps"), "c.toml:6: rule.steps");
        assert_eq!(document.place("encoder.layers.1.type"), "c.toml:10: encoder.layers.1.type");
        assert_eq!(document.place("rule.absent"), "c.toml:4: rule.absent");
        assert_eq!(document.place("training.batch"), "c.toml:2: training.batch");
    }

    #[test]
    fn broken_toml_names_the_line() {
        let error = Document::parse("seed = 1\n[rule\n", "c.toml").unwrap_err().to_string();
        assert!(error.starts_with("c.toml:2: is not TOML: "), "{error}");
    }
}
