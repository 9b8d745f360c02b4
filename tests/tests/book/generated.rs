//! Pages that are written from the code: one for each plugin, the keys of a config's sections, the command line, and the
//! files of `new-rule`.

use super::locality;
use super::pages::{root, source};
use plasticity_core::registry::{self, Family, Key, Plugin};
use plasticity_lab::config::{PROBE, TRAINING};
use plasticity_lab::optimiser::OPTIMISERS;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

pub const UPDATE: &str = "PLASTICITY_UPDATE_BOOK";

#[test]
fn generated_pages_are_those_in_the_repository() {
    let pages = generated();
    let folder = source().join("reference/plugins");
    let kept = |path: &PathBuf| pages.contains_key(path);
    let there: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|p| !kept(p)).collect();
    if std::env::var_os(UPDATE).is_some() {
        there.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        for (path, text) in &pages {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        return;
    }
    let differs = |(path, text): &(&PathBuf, &String)| {
        std::fs::read_to_string(path).is_ok_and(|there| unmeasured(&there) != unmeasured(text))
            || !path.exists()
    };
    let mut wrong: Vec<PathBuf> = pages.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    wrong.extend(there);
    assert!(
        wrong.is_empty(),
        "these differ from the code: {wrong:#?}\nwrite them again: {UPDATE}=1 cargo test -p plasticity-tests --test book"
    );
}

/// The text without numbers in brackets: those that were measured, whose last digit is another machine's rounding.
fn unmeasured(text: &str) -> String {
    let mut parts = text.split('(');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let measured = part.split_once(')').filter(|(number, _)| number.parse::<f64>().is_ok());
        kept.push('(');
        kept.push_str(measured.map_or(part, |(_, rest)| rest));
    }
    kept
}

#[test]
fn measured_numbers_are_not_compared_and_words_are() {
    assert_eq!(unmeasured("yes (2.7e-2); (5 of 6) f(x)"), unmeasured("yes (2.8e-2); (5 of 6) f(x)"));
    assert_ne!(unmeasured("yes (2.7e-2)"), unmeasured("no (2.7e-2)"));
    assert_ne!(unmeasured("(5 of 6)"), unmeasured("(4 of 6)"));
}

/// Path and text of every generated page.
fn generated() -> BTreeMap<PathBuf, String> {
    let reference = source().join("reference");
    let mut pages = BTreeMap::new();
    let mut index =
        "# Plugins\n\nThis page is generated from the plugins, as `plasticity list` prints them.\n"
            .to_owned();
    let mut contents = String::new();
    for family in Family::ALL {
        let plugins: Vec<_> =
            registry::plugins(family).into_iter().filter(|p| p.package != env!("CARGO_PKG_NAME")).collect();
        let title = title(family);
        writeln!(index, "\n## {title}\n\n| name | what it is |\n| --- | --- |").unwrap();
        for plugin in plugins {
            let file = format!("{}-{}.md", family.name(), plugin.name);
            writeln!(index, "| [`{}`](plugins/{file}) | {} |", plugin.name, cell(plugin.summary)).unwrap();
            writeln!(contents, "  - [{} {}](reference/plugins/{file})", family.name(), plugin.name).unwrap();
            pages.insert(reference.join("plugins").join(file), page(plugin));
        }
    }
    pages.insert(reference.join("plugins.md"), index);
    pages.insert(reference.join("config-keys.md"), config_keys());
    pages.insert(reference.join("cli.md"), command_line());
    let summary = source().join("SUMMARY.md");
    let text = contents_with(&std::fs::read_to_string(&summary).unwrap(), &contents);
    pages.insert(summary, text);
    pages.extend(new_rule());
    pages
}

/// The files that `plasticity new-rule my_rule` writes, but for the manifest, which has paths of this machine.
fn new_rule() -> BTreeMap<PathBuf, String> {
    let folder = tempfile::tempdir().unwrap();
    let made = plasticity::new_rule::write("my_rule", folder.path()).unwrap();
    let shown = source().join("own/my_rule");
    ["src/lib.rs", "src/main.rs", "tests/suite.rs", "config.toml"]
        .into_iter()
        .map(|file| {
            let name = PathBuf::from(file.rsplit('/').next().unwrap());
            (shown.join(name), std::fs::read_to_string(made.join(file)).unwrap())
        })
        .collect()
}

fn title(family: Family) -> &'static str {
    match family {
        Family::Rule => "Rules",
        Family::Score => "Scores",
        Family::Broadcast => "Broadcast signals",
        Family::Layer => "Layers",
        Family::Preset => "Presets of layers",
        Family::Stimulus => "Stimuli",
        Family::Source => "Sources",
        Family::Observer => "Observers",
    }
}

/// The table of contents with the plugins' pages below that of their index.
fn contents_with(summary: &str, contents: &str) -> String {
    let (mut text, mut below) = (String::new(), false);
    for line in summary.lines() {
        if !(below && line.starts_with("  ")) {
            text.push_str(line);
            text.push('\n');
            below = line.ends_with("(reference/plugins.md)");
            if below {
                text.push_str(contents);
            }
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { format!("`{}`", cell(text)) }
}

/// The rule's row of the page on published methods, where every rule has one, with its name for RULE.
fn published(rule: &str) -> String {
    let page = plasticity_tests::root().join("book/src/compare/published.md");
    let page = std::fs::read_to_string(page).unwrap();
    let name = format!("`{rule}`");
    let row = page.lines().find(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(&name)));
    let row = row.unwrap_or_else(|| panic!("published.md has no row of the rule {rule}"));
    let row = row.replace(", with the rule's name for RULE", "").replace("RULE", rule);
    let cells: Vec<String> =
        row.split('|').skip(2).map(|cell| cell.replace("](", "](../../compare/")).collect();
    format!(
        "\n| config | published | here |\n| --- | --- | --- |\n|{}\n\nThe page [Published \
         methods](../../compare/published.md) explains the published settings.\n",
        cells.join("|").trim_end()
    )
}

fn page(plugin: &Plugin) -> String {
    let mut text = format!("# {} `{}`\n\n{}.\n", plugin.family.name(), plugin.name, plugin.summary);
    if !plugin.equation.is_empty() {
        write!(text, "\n<p class=\"equation\">{}</p>\n", plasticity::equation::mathml(plugin.equation))
            .unwrap();
    }
    if !plugin.citation.is_empty() {
        write!(text, "\nSource: {}.\n", plugin.citation).unwrap();
    }
    if plugin.family == Family::Rule
        && ["clapp_pp", "clapp_pp_backprop", "infonce", "nt_xent"].contains(&plugin.name)
    {
        text.push_str(
            "\nIt compares two views of each image: the stimulus needs `views = 2` and no patches. See \
             [CLAPP++ and its relatives](../../compare/views.md#what-the-rule-needs).\n",
        );
    }
    if plugin.family == Family::Rule {
        write!(text, "\n{}\n", locality::marks(plugin)).unwrap();
    }
    if plugin.family == Family::Rule {
        text.push_str(&published(plugin.name));
    }
    if plugin.keys.is_empty() {
        text.push_str("\nIt has no keys.\n");
    } else {
        write!(text, "\n{}", table(plugin.keys)).unwrap();
    }
    write!(text, "\n```text\n{}\n```\n\nIt is in `{}`.\n", plugin.example.trim_end(), plugin.package)
        .unwrap();
    text
}

/// The sections `[training]` and `[probe]` and the optimisers.
fn config_keys() -> String {
    let mut text = "# Keys of the sections\n\nThis page is generated from the code. The [plugins' \
        pages](plugins.md) have the keys of stimuli, layers, presets and rules.\n"
        .to_owned();
    let optimisers = OPTIMISERS.map(|(name, keys)| (format!("[training.optimiser] type = \"{name}\""), keys));
    let sections = [("[training]".to_owned(), &TRAINING[..])].into_iter().chain(optimisers);
    for (title, keys) in sections.chain([("[probe]".to_owned(), &PROBE[..])]) {
        write!(text, "\n## `{title}`\n\n{}", table(keys)).unwrap();
    }
    text
}

/// Keys as rows of a table. The range of a schedule fills a screen; it has a page of its own.
fn table(keys: &[Key]) -> String {
    let mut text = "| key | default | range | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for key in keys {
        let meaning = cell(key.meaning);
        let range = match key.name {
            "schedule" => "[Schedules](schedules.md)".to_owned(),
            _ => cell(key.range),
        };
        writeln!(text, "| `{}` | {} | {range} | {meaning} |", key.name, code(key.default)).unwrap();
    }
    text
}

fn command_line() -> String {
    let mut command = plasticity::command();
    command.build();
    let mut text = "# Command line\n\nThis page is generated from the help of the program.\n".to_owned();
    write!(text, "\n```text\n{}```\n", trimmed(&command.render_long_help().to_string())).unwrap();
    let mut helps = Vec::new();
    collect(&mut command, &mut helps);
    for (name, help) in helps.iter().skip(1) {
        write!(text, "\n## `{name}`\n\n```text\n{help}```\n").unwrap();
    }
    text.push_str("\n## Exit status\n\n| status | meaning |\n| --- | --- |\n");
    let exit = std::fs::read_to_string(root().join("cli/src/exit.rs")).unwrap();
    let variants = exit.split("pub enum Exit {").nth(1).unwrap().split('}').next().unwrap();
    let mut doc = String::new();
    for line in variants.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            doc = words.to_owned();
        } else if let Some((_, number)) = line.trim_end_matches(',').split_once(" = ") {
            writeln!(text, "| {number} | {doc} |").unwrap();
        }
    }
    text
}

/// Name and help of a command and of those below it.
fn collect(command: &mut clap::Command, helps: &mut Vec<(String, String)>) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    helps.push((name, trimmed(&command.render_long_help().to_string())));
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        collect(below, helps);
    }
}

/// Without blanks at the ends of lines.
fn trimmed(help: &str) -> String {
    help.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
