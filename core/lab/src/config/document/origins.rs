//! Where each value of a config comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of a file.
    Line(Arc<str>, usize),
    /// An override.
    Set(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Set(set) => f.write_str(set),
        }
    }
}

/// The origins of values by their paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origins of a file's values; `line` returns the line of a byte.
    pub(super) fn of(table: &DeTable, file: &str, line: &dyn Fn(usize) -> usize) -> Self {
        let mut all = Self::default();
        let at = |byte: usize, file: &Arc<str>| Origin::Line(Arc::clone(file), line(byte));
        let file = Arc::from(file);
        note_table(table, "", &|byte| at(byte, &file), &mut all);
        all
    }

    /// The origin of a path, or of the nearest table above it that has one, with that table's path.
    pub(super) fn nearest<'a>(&self, path: &'a str) -> Option<(&'a str, &Origin)> {
        let mut known = path;
        loop {
            match self.0.get(known) {
                Some(origin) => return Some((known, origin)),
                None => known = &known[..known.rfind('.')?],
            }
        }
    }

    /// Sets the origin of a value; values below it keep their origins.
    pub(super) fn insert(&mut self, path: String, origin: Origin) {
        self.0.insert(path, origin);
    }

    /// Removes the origins below a path.
    pub(super) fn forget_below(&mut self, path: &str) {
        let below = format!("{path}.");
        self.0.retain(|other, _| !other.starts_with(&below));
    }

    /// Copies the origin of one path from `from`.
    pub(super) fn take(&mut self, path: &str, from: &Self) {
        if let Some(origin) = from.0.get(path) {
            self.0.insert(path.to_owned(), origin.clone());
        }
    }

    /// Replaces the origins of a path and of all paths below it by those in `from`.
    pub(super) fn take_all(&mut self, path: &str, from: &Self) {
        self.forget_below(path);
        self.take(path, from);
        let below = format!("{path}.");
        let theirs = from.0.iter().filter(|(other, _)| other.starts_with(&below));
        self.0.extend(theirs.map(|(path, origin)| (path.clone(), origin.clone())));
    }
}

fn note_table(table: &DeTable, path: &str, at: &dyn Fn(usize) -> Origin, all: &mut Origins) {
    for (key, value) in table {
        let path =
            if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        all.insert(path.clone(), at(key.span().start));
        note_value(value.get_ref(), &path, at, all);
    }
}

fn note_value(value: &DeValue, path: &str, at: &dyn Fn(usize) -> Origin, all: &mut Origins) {
    match value {
        DeValue::Table(table) => note_table(table, path, at, all),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}.{index}");
                all.insert(path.clone(), at(item.span().start));
                note_value(item.get_ref(), &path, at, all);
            }
        }
        _ => {}
    }
}
