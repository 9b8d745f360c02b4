//! `extends`: the base configs of a config.
//!
//! ```toml
//! extends = "base.toml"    # or a list; later ones override earlier ones, and the file overrides all
//! ```
//!
//! Keys override each other one by one. A list replaces a list. A table replaces the whole table of
//! the base in three cases: if it has another `type` or `preset`; if it has `layers` instead of a
//! `preset`, or the reverse; and if only one of several keys is allowed (`{ epochs = 1 }` and
//! `{ steps = 500 }`).

use super::Document;
use super::origins::Origins;
use plasticity_core::keys::join;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The key.
pub(crate) const EXTENDS: &str = "extends";

/// A table may have only one of the keys of a group.
pub(super) const ALTERNATIVES: [&[&str]; 2] = [&["epochs", "steps", "minutes"], &["loss", "probe"]];

/// Reads a file and all its bases. `chain` has the files that extend it, directly or indirectly.
pub(super) fn read(path: &Path, chain: &mut Vec<PathBuf>) -> Result<Document> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such config file",
            std::io::ErrorKind::InvalidData => "is not UTF-8 text",
            _ => return Error::file(path, format!("cannot be read: {error}")),
        };
        Error::file(path, hint)
    })?;
    let document = Document::alone(&text, &path.display().to_string())?;
    chain.push(path.to_owned());
    let whole = resolved(document, path, chain);
    chain.pop();
    whole
}

/// `document`, read from `path`, merged over its bases.
pub(super) fn resolved(mut document: Document, path: &Path, chain: &mut Vec<PathBuf>) -> Result<Document> {
    let Some(value) = document.table.remove(EXTENDS) else { return Ok(document) };
    let mut whole: Option<Document> = None;
    for name in names(&document, &value)? {
        let base = path.parent().unwrap_or(Path::new("")).join(name);
        if !base.is_file() {
            let message = format!(
                "there is no config file {}: the path of a base is relative to the folder of the config that \
                 extends it",
                base.display()
            );
            return Err(document.error(EXTENDS, message));
        }
        if let Some(first) = chain.iter().position(|other| same(other, &base)) {
            let round = chain[first..].iter().chain([&base]).map(|path| path.display().to_string());
            let round = round.collect::<Vec<_>>().join(" → ");
            return Err(document.error(EXTENDS, format!("is a circle: {round}")));
        }
        let base = read(&base, chain)?;
        whole = Some(match whole {
            Some(before) => laid_over(before, base),
            None => base,
        });
    }
    Ok(match whole {
        Some(base) => laid_over(base, document),
        None => document,
    })
}

fn names<'a>(document: &Document, value: &'a Value) -> Result<Vec<&'a str>> {
    let names = match value {
        Value::String(name) => Some(vec![name.as_str()]),
        Value::Array(names) if !names.is_empty() => names.iter().map(Value::as_str).collect(),
        _ => None,
    };
    names.ok_or_else(|| {
        let message =
            format!("expected the path of a config in quotes, or a list of such paths, got {value}");
        document.error(EXTENDS, message)
    })
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// `above` merged over `below`. Errors about keys that are not written name the file of `above`.
fn laid_over(mut below: Document, above: Document) -> Document {
    lay_over(&mut below.table, above.table, "", &mut below.origins, &above.origins);
    Document { file: above.file, ..below }
}

fn lay_over(below: &mut Table, above: Table, path: &str, origins: &mut Origins, theirs: &Origins) {
    for (key, value) in above {
        let path = join(path, &key);
        match (below.get_mut(&key), value) {
            (Some(Value::Table(own)), Value::Table(other)) if !replaces(&path, own, &other) => {
                origins.take(&path, theirs);
                lay_over(own, other, &path, origins, theirs);
            }
            (_, value) => {
                origins.take_all(&path, theirs);
                below.insert(key, value);
            }
        }
    }
}

/// Whether a table at `path` replaces the whole table of the base.
fn replaces(path: &str, own: &Table, other: &Table) -> bool {
    let renamed = |tag: &&str| matches!((own.get(*tag), other.get(*tag)), (Some(a), Some(b)) if a != b);
    let switched = |a: &Table, b: &Table| a.contains_key("preset") && b.contains_key("layers");
    // A section such as [training] may have several of these keys.
    let alternatives = |keys: &[&str]| {
        let of = |table: &Table| !table.is_empty() && table.keys().all(|key| keys.contains(&key.as_str()));
        path.contains('.') && of(own) && of(other)
    };
    ["type", "preset"].iter().any(renamed)
        || switched(own, other)
        || switched(other, own)
        || ALTERNATIVES.into_iter().any(alternatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn error(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let error = Document::read(&folder.path().join("c.toml")).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    }

    const BASE: &str = "seed = 1\n[rule]\ntype = \"clapp\"\nsteps = 3\nscore = { type = \"w_retro\", gain = 2 }\n\
                        [encoder]\npreset = \"vgg6\"\nwidths = [1, 2]\n[training]\nepochs = 2\n\
                        checkpoint_every = { epochs = 1 }\noptimiser = { type = \"adam\", rate = 1, beta1 = 0 }\n";

    #[test]
    fn keys_are_laid_over_those_of_the_base_and_a_change_of_type_replaces() {
        let own = "extends = \"base/b.toml\"\nseed = 4\n[rule]\nsteps = 5\nscore = { type = \"bilinear\" }\n\
                   [encoder]\nwidths = [3]\n[training]\nsteps = 9\ncheckpoint_every = { steps = 7 }\n\
                   optimiser = { rate = 2 }\n";
        let folder = folder(&[("base/b.toml", BASE), ("c.toml", own)]);
        let document = Document::read(&folder.path().join("c.toml")).unwrap();
        let expected = "seed = 4\n[rule]\ntype = \"clapp\"\nsteps = 5\nscore = { type = \"bilinear\" }\n[encoder]\n\
                        preset = \"vgg6\"\nwidths = [3]\n[training]\nepochs = 2\nsteps = 9\n\
                        checkpoint_every = { steps = 7 }\noptimiser = { type = \"adam\", rate = 2, beta1 = 0 }\n";
        assert_eq!(*document.table(), expected.parse::<Table>().unwrap());
        let place = |path: &str| document.place(path).replace(&format!("{}/", folder.path().display()), "");
        assert_eq!(place("rule.steps"), "c.toml:4: rule.steps");
        assert_eq!(place("rule.type"), "base/b.toml:3: rule.type");
        assert_eq!(place("rule.score.gain"), "c.toml:5: rule.score.gain", "what is replaced is forgotten");
        assert_eq!(place("training.optimiser.beta1"), "base/b.toml:12: training.optimiser.beta1");
        assert_eq!(place("stimulus"), "c.toml: stimulus");
    }

    #[test]
    fn listed_layers_and_a_preset_replace_each_other() {
        let listed = "extends = \"b.toml\"\n[encoder]\nlayers = [{ type = \"dense\" }]\n";
        let again = "extends = \"l.toml\"\n[encoder]\npreset = \"audio\"\n";
        let folder = folder(&[("b.toml", BASE), ("l.toml", listed), ("c.toml", again)]);
        let encoder = |name: &str| {
            let table = Document::read(&folder.path().join(name)).unwrap().table;
            table["encoder"].as_table().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            (encoder("l.toml"), encoder("c.toml")),
            (vec!["layers".to_owned()], vec!["preset".to_owned()])
        );
    }

    #[test]
    fn of_several_bases_the_later_ones_count() {
        let own = "extends = [\"a.toml\", \"b.toml\"]\n";
        let folder = folder(&[
            ("a.toml", "seed = 1\n[rule]\nx = 1\ny = 1"),
            ("b.toml", "[rule]\ny = 2"),
            ("c.toml", own),
        ]);
        let table = Document::read(&folder.path().join("c.toml")).unwrap().table;
        assert_eq!(table, "seed = 1\n[rule]\nx = 1\ny = 2".parse::<Table>().unwrap());
    }

    #[test]
    fn circles_missing_files_and_wrong_values_are_named() {
        assert_eq!(
            error(&[("c.toml", "seed = 1\nextends = \"d.toml\"\n")]),
            "c.toml:2: extends: there is no config file d.toml: the path of a base is relative to the folder of \
                the config that extends it"
        );
        assert_eq!(
            error(&[("c.toml", "extends = \"d.toml\""), ("d.toml", "extends = [\"./c.toml\"]")]),
            "d.toml:1: extends: is a circle: c.toml → d.toml → ./c.toml"
        );
        for wrong in ["3", "[]", "[\"c.toml\", 1]"] {
            let message = error(&[("c.toml", &format!("extends = {wrong}"))]);
            assert!(
                message.starts_with("c.toml:1: extends: expected the path of a config in quotes, or"),
                "{message}"
            );
        }
        let broken = error(&[("c.toml", "extends = \"d.toml\""), ("d.toml", "seed = \n")]);
        assert!(broken.starts_with("d.toml:1: is not TOML: "), "{broken}");
    }
}
