//! The catalogue of plugins by name, each with a summary and a citation.
//!
//! typetag finds a plugin's spec by name, but its list is private and may have duplicates. So the macro
//! [`plugin!`](crate::plugin) also enters every plugin here.

use crate::error::{Error, Result};
use crate::range::Range;
use std::collections::BTreeMap;

/// The families of plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Plasticity rules.
    Rule,
    /// Score functions.
    Score,
    /// Broadcast signals.
    Broadcast,
    /// Encoder layers.
    Layer,
    /// Named stacks of layers.
    Preset,
    /// Stimuli.
    Stimulus,
    /// Sources that stimuli are read from.
    Source,
    /// Observers of training.
    Observer,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Rule,
        Self::Score,
        Self::Broadcast,
        Self::Layer,
        Self::Preset,
        Self::Stimulus,
        Self::Source,
        Self::Observer,
    ];

    /// The key of a config's table that names one of the family.
    pub fn tag(self) -> &'static str {
        if self == Self::Preset { "preset" } else { "type" }
    }

    /// The name of the family, in the singular.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Score => "score",
            Self::Broadcast => "broadcast",
            Self::Layer => "layer",
            Self::Preset => "preset",
            Self::Stimulus => "stimulus",
            Self::Source => "source",
            Self::Observer => "observer",
        }
    }
}

/// One key of a plugin's config.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// The default as TOML; empty if the key is required, or if leaving it out switches something off.
    pub default: &'static str,
    /// The range with its unit; see [`Range`](crate::range) for the grammar.
    pub range: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl Key {
    /// A key with its default, range and meaning.
    pub const fn new(
        name: &'static str,
        default: &'static str,
        range: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { name, default, range, meaning }
    }

    /// The range.
    ///
    /// # Errors
    /// If the text does not follow the grammar of ranges.
    pub fn range(&self) -> Result<Range, String> {
        Range::parse(self.range).map_err(|error| format!("the range of `{}` {error}", self.name))
    }
}

/// An entry of the catalogue.
#[derive(Debug)]
pub struct Plugin {
    /// Its family.
    pub family: Family,
    /// The name that configs use.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its equation, in Unicode; `_` and `^` start an index and an exponent, and braces hold a longer one: `c_{t−δ}`.
    pub equation: &'static str,
    /// Where it comes from: authors, year, equation.
    pub citation: &'static str,
    /// The keys of its config.
    pub keys: &'static [Key],
    /// An example config as TOML for small shapes, which the plugin suite builds. It has the family's tag (`type` or
    /// `preset`).
    pub example: &'static str,
    /// The crate that has it.
    pub package: &'static str,
    /// The version of that crate.
    pub version: &'static str,
}

inventory::collect!(Plugin);

/// Registers a plugin: implements its spec trait under the name and adds it to the catalogue.
///
/// ```text
/// plasticity_core::plugin! {
///     Rule "hebb": "Plain Hebbian learning",
///     equation: "ΔW = η · post ⊗ pre",
///     citation: "Hebb 1949",
///     keys: [ rate = "1.0", "> 0", "how strongly each coincidence counts" ],
///     example: "type = \"hebb\"",
///     impl RuleSpec for Hebb { … }
/// }
/// ```
#[macro_export]
macro_rules! plugin {
    (
        $family:ident $name:literal: $summary:literal,
        equation: $equation:literal,
        citation: $citation:literal,
        keys: [$($key:ident = $default:literal, $range:literal, $meaning:literal);* $(;)?],
        example: $example:expr,
        impl $spec:ident for $type:ty { $($body:tt)* }
    ) => {
        $crate::plugin! {
            $family $name: $summary,
            equation: $equation,
            citation: $citation,
            keys: = &[$($crate::registry::Key {
                name: stringify!($key), default: $default, range: $range, meaning: $meaning,
            }),*],
            example: $example,
            impl $spec for $type { $($body)* }
        }
    };
    // The keys as a constant, for plugins that share them.
    (
        $family:ident $name:literal: $summary:literal,
        equation: $equation:literal,
        citation: $citation:literal,
        keys: = $keys:expr,
        example: $example:expr,
        impl $spec:ident for $type:ty { $($body:tt)* }
    ) => {
        #[typetag::serde(name = $name)]
        impl $spec for $type { $($body)* }

        $crate::inventory::submit! {
            $crate::registry::Plugin {
                family: $crate::registry::Family::$family,
                name: $name,
                summary: $summary,
                equation: $equation,
                citation: $citation,
                keys: $keys,
                example: $example,
                package: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
            }
        }
    };
}

/// All plugins of a family, by name.
pub fn plugins(family: Family) -> Vec<&'static Plugin> {
    let mut found: Vec<_> =
        inventory::iter::<Plugin>.into_iter().filter(|plugin| plugin.family == family).collect();
    found.sort_by_key(|plugin| plugin.name);
    found
}

/// The crates that contain plugins, each once with its version: `my-rules 0.2.0`.
pub fn packages() -> Vec<String> {
    let all = inventory::iter::<Plugin>.into_iter();
    let mut named: Vec<_> = all.map(|plugin| format!("{} {}", plugin.package, plugin.version)).collect();
    named.sort();
    named.dedup();
    named
}

/// The plugin with this name, or an error that lists the registered plugins and the nearest name.
///
/// # Errors
/// If there is no plugin with this name.
pub fn find(family: Family, name: &str, place: &str) -> Result<&'static Plugin> {
    let all = plugins(family);
    if let Some(found) = all.iter().find(|plugin| plugin.name == name) {
        return Ok(found);
    }
    let names: Vec<_> = all.iter().map(|plugin| plugin.name).collect();
    Err(Error::config(place, unknown(family.name(), name, &names)))
}

/// "unknown rule `clap`: did you mean `clapp`? …" with all known names.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, name), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = nearest.map_or_else(String::new, |(_, candidate)| format!("did you mean `{candidate}`? "));
    format!("unknown {what} `{name}`: {hint}known are {}", known.join(", "))
}

/// Checks at start-up that no two plugins of a family share a name, and that every key's range can be read.
///
/// # Errors
/// If two plugins share a name (the error names both crates), or a range cannot be read (the error names the plugin,
/// the key and the fault).
pub fn check() -> Result<()> {
    check_all(inventory::iter::<Plugin>.into_iter())
}

fn check_all<'a>(all: impl Iterator<Item = &'a Plugin>) -> Result<()> {
    let mut seen: BTreeMap<(Family, &str), &str> = BTreeMap::new();
    for plugin in all {
        if let Some(other) = seen.insert((plugin.family, plugin.name), plugin.package) {
            let (family, name) = (plugin.family.name(), plugin.name);
            let message = format!(
                "two {family} plugins have the name `{name}`, in the crates `{other}` and `{}`: rename one",
                plugin.package
            );
            return Err(Error::Registry(message));
        }
        if let Some(message) = plugin.keys.iter().find_map(|key| key.range().err()) {
            return Err(Error::Registry(format!("{} `{}`: {message}", plugin.family.name(), plugin.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(package: &'static str) -> Plugin {
        Plugin {
            family: Family::Rule,
            name: "hebb",
            summary: "",
            equation: "",
            citation: "",
            keys: &[],
            example: "",
            package,
            version: "0",
        }
    }

    #[test]
    fn two_plugins_of_one_name_are_reported_with_both_crates() {
        let (a, b) = (plugin("one"), plugin("two"));
        let message = check_all([&a, &b].into_iter()).unwrap_err().to_string();
        assert!(
            message.contains("`one`") && message.contains("`two`") && message.contains("`hebb`"),
            "{message}"
        );
        assert!(check_all([&a].into_iter()).is_ok());
    }

    #[test]
    fn a_range_that_cannot_be_read_is_reported_with_plugin_and_key() {
        let keys = &[Key { name: "rate", default: "1", range: "above 0", meaning: "" }];
        let wrong = Plugin { keys, ..plugin("one") };
        assert_eq!(
            check_all([&wrong].into_iter()).unwrap_err().to_string(),
            "plugins: rule `hebb`: the range of `rate` has `0` where the end was expected"
        );
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        assert_eq!(
            unknown("rule", "clap", &["cpc", "clapp"]),
            "unknown rule `clap`: did you mean `clapp`? known are cpc, clapp"
        );
        assert_eq!(unknown("rule", "zzz", &["cpc"]), "unknown rule `zzz`: known are cpc");
    }
}
