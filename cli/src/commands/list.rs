//! `plasticity list [FAMILY] [NAME]`: the catalogue of plugins.

use crate::exit::Exit;
use crate::output;
use plasticity_core::registry::{self, Family, Plugin};
use plasticity_core::{Error, Result};
use serde_json::{Value, json};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A family (rules, scores, broadcasts, layers, presets, stimuli, sources, observers), or the name of a plugin
    #[arg(value_name = "FAMILY|NAME")]
    what: Option<String>,
    /// The name of a plugin of the family: shows its equation and keys
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists plugins.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let family = arguments.what.as_deref().and_then(family);
    let (plugins, in_full) = match (&arguments.what, family, &arguments.name) {
        (None, ..) => (Family::ALL.iter().flat_map(|&family| registry::plugins(family)).collect(), false),
        (Some(_), Some(family), None) => (registry::plugins(family), false),
        (Some(_), Some(family), Some(name)) => (vec![registry::find(family, name, "list")?], true),
        (Some(name), None, None) => (named(name)?, true),
        (Some(what), None, Some(_)) => {
            return Err(Error::config("list", registry::unknown("family", what, &plurals())));
        }
    };
    let text = if arguments.json {
        output::json(&plugins.iter().map(|plugin| as_json(plugin)).collect::<Vec<_>>())?
    } else if in_full {
        plugins.iter().map(|plugin| full(plugin)).collect::<Vec<_>>().join("\n\n")
    } else {
        by_family(&plugins)
    };
    output::print(&text)?;
    Ok(Exit::Success)
}

fn plural(family: Family) -> String {
    match family {
        Family::Stimulus => "stimuli".to_owned(),
        other => format!("{}s", other.name()),
    }
}

fn plurals() -> Vec<&'static str> {
    vec!["rules", "scores", "broadcasts", "layers", "presets", "stimuli", "sources", "observers"]
}

fn family(word: &str) -> Option<Family> {
    Family::ALL.into_iter().find(|&family| plural(family) == word || family.name() == word)
}

fn named(name: &str) -> Result<Vec<&'static Plugin>> {
    let all: Vec<_> = Family::ALL.iter().flat_map(|&family| registry::plugins(family)).collect();
    let found: Vec<_> = all.iter().copied().filter(|plugin| plugin.name == name).collect();
    if found.is_empty() {
        let known: Vec<_> = plurals().into_iter().chain(all.iter().map(|plugin| plugin.name)).collect();
        return Err(Error::config("list", registry::unknown("family or plugin", name, &known)));
    }
    Ok(found)
}

/// One line and a citation for each plugin.
fn by_family(plugins: &[&Plugin]) -> String {
    let width = plugins.iter().map(|plugin| plugin.name.chars().count()).max().unwrap_or(0);
    let mut text = Vec::new();
    for family in Family::ALL {
        let mut of_family = plugins.iter().filter(|plugin| plugin.family == family).peekable();
        if of_family.peek().is_some() {
            text.push(format!("{}:", plural(family)));
        }
        for plugin in of_family {
            let citation =
                if plugin.citation.is_empty() { String::new() } else { format!(" ({})", plugin.citation) };
            text.push(format!("  {:<width$}  {}{citation}", plugin.name, plugin.summary));
        }
    }
    text.join("\n")
}

/// The complete entry of a plugin.
fn full(plugin: &Plugin) -> String {
    let mut text = vec![format!("{} {}: {}", plugin.family.name(), plugin.name, plugin.summary)];
    for (what, value) in [("equation", plugin.equation), ("citation", plugin.citation)] {
        if !value.is_empty() {
            text.push(format!("{what}: {value}"));
        }
    }
    text.push(format!("crate: {}", plugin.package));
    if !plugin.keys.is_empty() {
        text.push("keys:".to_owned());
    }
    for key in plugin.keys {
        let default = if key.default.is_empty() { "(none)" } else { key.default };
        text.push(format!("  {} = {default}", key.name));
        text.push(format!("      {}", key.meaning));
        text.push(format!("      range: {}", key.range));
    }
    text.push(format!("example:\n{}", indented(plugin.example)));
    text.join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn as_json(plugin: &Plugin) -> Value {
    let keys: Vec<Value> = plugin
        .keys
        .iter()
        .map(|key| {
            json!({
                "name": key.name, "default": key.default, "range": key.range, "meaning": key.meaning,
            })
        })
        .collect();
    json!({
        "family": plugin.family.name(), "name": plugin.name, "summary": plugin.summary,
        "equation": plugin.equation, "citation": plugin.citation, "keys": keys,
        "example": plugin.example, "crate": plugin.package,
    })
}
