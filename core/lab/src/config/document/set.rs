//! Overrides: `--set KEY=VALUE`.

use super::extends::ALTERNATIVES;
use super::{Document, EXTENDS, Origin};
use crate::config::Config;
use plasticity_core::registry::Family;
use plasticity_core::{Error, Result};
use toml::map::Entry;
use toml::{Table, Value};

impl Document {
    /// The same with some keys overridden, each as in `training.batch=16`. If a table is not written, its other
    /// keys have their defaults, which are those of the final plugin: an override that names a plugin (`rule=cpc`)
    /// applies before those of the plugin's keys. Of two overrides of the same key, the later one counts.
    ///
    /// # Errors
    /// If an override is not of the form `key=value`, or its path leads through a value that is not a table.
    pub fn overridden(mut self, overrides: &[String]) -> Result<Self> {
        for assignment in in_order(overrides) {
            // A config that is not valid yet has no defaults to fill in. The error appears later, when the result
            // is read.
            let resolved = Config::from_document(self.clone()).and_then(|config| config.to_table());
            self.set(assignment, &resolved.unwrap_or_default())?;
        }
        Ok(self)
    }

    /// Overrides one key, as in `--set training.optimiser.rate=1e-3`.
    ///
    /// The value is read as TOML; if it is not TOML, it is a string. A string for a table with a `type` or
    /// `preset` replaces this key (`rule=cpc`). Tables that are not in the file come from `resolved`, the config
    /// with all defaults filled in. A key replaces another one that the table may not have beside it
    /// (`training.checkpoint_every.steps=500` replaces `epochs`, `probe.standardise=true` replaces `protocol`).
    ///
    /// # Errors
    /// If it is not of the form `key=value`, or the path leads through a value that is not a table.
    pub(in crate::config) fn set(&mut self, assignment: &str, resolved: &Table) -> Result<()> {
        let place = format!("--set {assignment}");
        let (path, value) = assignment
            .split_once('=')
            .map(|(path, value)| (path.trim(), value.trim()))
            .filter(|(path, _)| path.split('.').all(|key| !key.is_empty()))
            .ok_or_else(|| Error::config(&place, "expected KEY=VALUE, such as training.batch=16"))?;
        if path == EXTENDS {
            let message = "works only in a file: write a config that extends the base";
            return Err(Error::config(place, message));
        }
        let value = parsed(value);
        let mut keys: Vec<&str> = path.split('.').collect();
        let last = keys.pop().unwrap_or_default();
        let mut table = &mut self.table;
        let mut default = Some(resolved);
        let mut walked = Vec::new();
        let mut made = Vec::new();
        let mut keys = keys.into_iter();
        while let Some(key) = keys.next() {
            walked.push(key);
            default = default.and_then(|table| table.get(key)).and_then(Value::as_table);
            let mut next = match table.entry(key) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    made.push(walked.join("."));
                    entry.insert(Value::Table(default.cloned().unwrap_or_default()))
                }
            };
            while let Value::Array(items) = next {
                let Some(index) = keys.next() else {
                    let message = format!(
                        "`{}` is a list: set it as a whole, as in {}=[…]",
                        walked.join("."),
                        walked.join(".")
                    );
                    return Err(Error::config(&place, message));
                };
                let length = items.len();
                walked.push(index);
                next = index.parse().ok().and_then(|index: usize| items.get_mut(index)).ok_or_else(|| {
                    let message = format!("`{}` is not an index in a list of {length}", walked.join("."));
                    Error::config(&place, message)
                })?;
            }
            // A source may be only a name, also where the rest of the config has no defaults yet.
            let named = default.and_then(tag).is_some() || walked == ["stimulus", "source"];
            if named && let Value::String(name) = next {
                let name = Value::String(std::mem::take(name));
                *next = Value::Table(Table::from_iter([("type".to_owned(), name)]));
            }
            table = next
                .as_table_mut()
                .ok_or_else(|| Error::config(&place, format!("`{}` is not a table", walked.join("."))))?;
        }
        let alternative =
            |group: &[&str]| group.contains(&last) && table.keys().all(|key| group.contains(&key.as_str()));
        // A section such as [training] may have several of these keys.
        if walked.len() > 1 && ALTERNATIVES.into_iter().any(alternative) {
            table.clear();
            self.origins.forget_below(&walked.join("."));
        }
        if let Some(other) = other_name(path)
            && table.remove(other).is_some()
        {
            walked.push(other);
            self.origins.insert(walked.join("."), Origin::Set(place.clone()));
        }
        let default = default.and_then(|table| table.get(last)).and_then(Value::as_table);
        let mut set = path.to_owned();
        let named = family_tag(path).or_else(|| default.and_then(tag));
        match (table.get_mut(last), value, named) {
            (Some(Value::Table(inner)), Value::String(name), _) => {
                let Some(tag) = tag(inner).or_else(|| family_tag(path)) else {
                    let message = format!("`{path}` is a table: set one of its keys, as in {path}.KEY=VALUE");
                    return Err(Error::config(&place, message));
                };
                // A preset replaces listed layers.
                inner.retain(|key, _| !(tag == "preset" && key == "layers"));
                inner.insert(tag.to_owned(), Value::String(name));
                set = format!("{path}.{tag}");
            }
            (None, Value::String(name), Some(tag)) => {
                let named = Table::from_iter([(tag.to_owned(), Value::String(name))]);
                table.insert(last.to_owned(), Value::Table(named));
                made.push(path.to_owned());
                set = format!("{path}.{tag}");
            }
            (_, value, _) => {
                table.insert(last.to_owned(), value);
            }
        }
        self.origins.forget_below(&set);
        for path in made.into_iter().chain([set]) {
            self.origins.insert(path, Origin::Set(place.clone()));
        }
        Ok(())
    }
}

/// The overrides in the order in which they apply.
fn in_order(overrides: &[String]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for assignment in overrides {
        let place = renamed(assignment).and_then(|plugin| {
            // An override of the plugin itself, or of a table around it, keeps its place before this one.
            let sets = |earlier: &&str| target(earlier) == plugin || is_below(plugin, target(earlier));
            let since = order.iter().rposition(sets).map_or(0, |place| place + 1);
            let first = order[since..].iter().position(|earlier| is_below(target(earlier), plugin))?;
            Some(since + first)
        });
        order.insert(place.unwrap_or(order.len()), assignment);
    }
    order
}

/// The path of the plugin that an override names and whose other keys it keeps. `None` for a preset, which drops
/// the listed layers, and for all other overrides.
fn renamed(assignment: &str) -> Option<&str> {
    let (path, value) = assignment.split_once('=')?;
    let named = matches!(parsed(value.trim()), Value::String(_));
    (named && family_tag(path.trim()) != Some(Family::Preset.tag())).then(|| target(assignment))
}

/// The path of an override; for one that names a plugin by its `type`, the path of the plugin.
fn target(assignment: &str) -> &str {
    let path = assignment.split_once('=').map_or(assignment, |(path, _)| path).trim();
    path.strip_suffix(".type").unwrap_or(path)
}

/// Whether a path leads to a key inside the table at `table`.
fn is_below(path: &str, table: &str) -> bool {
    path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

/// The other name of a key that has an older and a newer one: a table may have only one of them.
fn other_name(path: &str) -> Option<&'static str> {
    match path {
        "probe.standardise" => Some("protocol"),
        "probe.protocol" => Some("standardise"),
        _ => None,
    }
}

/// A value as TOML; if it is not TOML, a string.
fn parsed(value: &str) -> Value {
    let read = format!("value = {value}").parse::<Table>().ok();
    let read = read.and_then(|mut table| table.remove("value"));
    read.unwrap_or_else(|| Value::String(value.to_owned()))
}

/// The key that names the plugin of a table at `path`, if there is a plugin (a source may be only a name).
fn family_tag(path: &str) -> Option<&'static str> {
    let mut words = path.rsplit('.');
    let family = match (words.next()?, words.next()) {
        ("rule", None) => Family::Rule,
        ("stimulus", None) => Family::Stimulus,
        ("encoder", None) => Family::Preset,
        ("score", Some(_)) => Family::Score,
        ("broadcast", Some(_)) => Family::Broadcast,
        (index, Some("layers")) if index.parse::<usize>().is_ok() => Family::Layer,
        _ => return None,
    };
    Some(family.tag())
}

/// The key that names the plugin of a table, if it has one.
fn tag(table: &Table) -> Option<&'static str> {
    ["type", "preset"].into_iter().find(|tag| table.contains_key(*tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "seed = 2\n[training]\nepochs = 1\n[rule]\ntype = \"clapp\"\nsteps = 3\n[encoder]\nlayers = [\n  { type = \"a\" },\n  { type = \"b\" },\n]\n";

    #[test]
    fn overrides_replace_values_types_and_places() {
        let mut document = Document::parse(TEXT, "c.toml").unwrap();
        let none = Table::new();
        document.set("rule=cpc", &none).unwrap();
        document.set("rule.steps=5", &none).unwrap();
        document.set("training.optimiser.rate = 1e-3", &none).unwrap();
        document.set("encoder.layers.1.type=conv", &none).unwrap();
        document.set("stimulus.path=a b/c", &none).unwrap();
        let table = document.table();
        assert_eq!(table["rule"]["type"].as_str(), Some("cpc"));
        assert_eq!(table["rule"]["steps"].as_integer(), Some(5));
        assert_eq!(table["training"]["optimiser"]["rate"].as_float(), Some(1e-3));
        assert_eq!(table["encoder"]["layers"][1]["type"].as_str(), Some("conv"));
        assert_eq!(table["stimulus"]["path"].as_str(), Some("a b/c"));
        assert_eq!(document.place("rule.type"), "--set rule=cpc");
    }

    #[test]
    fn overrides_of_tables_that_are_not_written_start_from_their_defaults() {
        let mut document = Document::parse(TEXT, "c.toml").unwrap();
        let resolved =
            "[rule]\nscore = { type = \"a\", x = 1 }\nnegatives = { type = \"random\", count = 16 }\n";
        let resolved = resolved.parse::<Table>().unwrap();
        let mut set = |assignment: &str| document.set(assignment, &resolved).unwrap();
        set("rule.negatives.count=4");
        set("rule.score=b");
        set("rule.broadcast=c");
        set("encoder=vgg6");
        let table = document.table();
        let written = |table: &Value| table.to_string().replace('\n', "");
        assert_eq!(written(&table["rule"]["negatives"]), "{ count = 4, type = \"random\" }");
        assert_eq!(written(&table["rule"]["score"]), "{ type = \"b\" }");
        assert_eq!(written(&table["rule"]["broadcast"]), "{ type = \"c\" }");
        assert_eq!(written(&table["encoder"]), "{ preset = \"vgg6\" }");
        assert_eq!(
            document.place("rule.negatives.type"),
            "--set rule.negatives.count=4: rule.negatives.type"
        );
        assert_eq!(document.place("rule.score.type"), "--set rule.score=b");
    }

    #[test]
    fn a_source_that_is_only_a_name_becomes_a_table() {
        let text = "[stimulus]\nsource = \"synthetic\"\nlearn = \"tones\"\n";
        let mut document = Document::parse(text, "c.toml").unwrap();
        document.set("stimulus.source.count=9", &Table::new()).unwrap();
        let resolved = "[stimulus]\nlearn = { type = \"tones\", rate = 8 }\n".parse::<Table>().unwrap();
        document.set("stimulus.learn.length=3", &resolved).unwrap();
        let expected =
            "source = { type = \"synthetic\", count = 9 }\nlearn = { type = \"tones\", length = 3 }";
        assert_eq!(document.table()["stimulus"], Value::Table(expected.parse().unwrap()));
        assert_eq!(document.place("stimulus.source.type"), "c.toml:2: stimulus.source.type");
    }

    #[test]
    fn a_key_replaces_the_one_that_it_excludes() {
        let text = "[training]\nepochs = 1\ncheckpoint_every = { epochs = 1 }\n";
        let mut document = Document::parse(text, "c.toml").unwrap();
        let resolved = "[training]\npatience = { probe = 2 }\n".parse::<Table>().unwrap();
        let mut set = |assignment: &str| document.set(assignment, &resolved).unwrap();
        set("training.steps=9");
        set("training.checkpoint_every.steps=500");
        set("training.patience.loss=3");
        let expected = "[training]\nepochs = 1\nsteps = 9\ncheckpoint_every = { steps = 500 }\n\
                        patience = { loss = 3 }\n";
        assert_eq!(*document.table(), expected.parse::<Table>().unwrap());
    }

    #[test]
    fn a_key_replaces_its_other_name() {
        let mut document = Document::parse(TEXT, "c.toml").unwrap();
        let resolved = "[probe]\nprotocol = \"both\"\naugment = 4\n".parse::<Table>().unwrap();
        document.set("probe.standardise=true", &resolved).unwrap();
        let probe = |text: &str| Value::Table(text.parse().unwrap());
        assert_eq!(document.table()["probe"], probe("augment = 4\nstandardise = true"));
        assert_eq!(document.place("probe.protocol"), "--set probe.standardise=true");
        document.set("probe.protocol=paper", &resolved).unwrap();
        assert_eq!(document.table()["probe"], probe("augment = 4\nprotocol = \"paper\""));
    }

    #[test]
    fn an_override_that_names_a_plugin_comes_before_those_of_its_keys() {
        let order = |overrides: &[&str]| {
            in_order(&overrides.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).join(" ")
        };
        assert_eq!(order(&["seed=4", "rule.score.x=1", "rule=b"]), "seed=4 rule=b rule.score.x=1");
        assert_eq!(order(&["rule.score.x=1", "rule.type=b"]), "rule.type=b rule.score.x=1");
        assert_eq!(
            order(&["rule.score.x=1", "rule.score=c", "rule=b"]),
            "rule=b rule.score=c rule.score.x=1"
        );
        // What replaces a whole table, or names the same plugin, keeps its place.
        for kept in [
            &["rule.score.x=1", "rule={type=\"b\"}", "rule=c"][..],
            &["rule=a", "rule.type=b", "rule.x=1"],
            &["rule.score.x=1", "rule={type=\"b\"}"],
            &["rules.x=1", "rule=b"],
            &["encoder.layers.0.x=1", "encoder=vgg6"],
        ] {
            assert_eq!(order(kept), kept.join(" "));
        }
        assert_eq!(order(&["rule=a", "rule.x=1", "rule=b"]), "rule=a rule=b rule.x=1");
    }

    #[test]
    fn overrides_that_lead_nowhere_say_so() {
        let mut document = Document::parse(TEXT, "c.toml").unwrap();
        let mut message = |set: &str| document.set(set, &Table::new()).unwrap_err().to_string();
        assert_eq!(message("seed"), "--set seed: expected KEY=VALUE, such as training.batch=16");
        assert!(message("extends=b.toml").starts_with("--set extends=b.toml: works only in a file: "));
        assert_eq!(message("seed.x=1"), "--set seed.x=1: `seed` is not a table");
        assert_eq!(
            message("training=long"),
            "--set training=long: `training` is a table: set one of its keys, as in training.KEY=VALUE"
        );
        assert_eq!(
            message("encoder.layers.0=1"),
            "--set encoder.layers.0=1: `encoder.layers` is a list: set it as a whole, as in encoder.layers=[…]"
        );
        assert_eq!(
            message("encoder.layers.2.x=1"),
            "--set encoder.layers.2.x=1: `encoder.layers.2` is not an index in a list of 2"
        );
    }
}
