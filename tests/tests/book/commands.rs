//! Every command of the book parses, and the configs that it names are there and can be read.

use super::pages::{pages, root};
use plasticity_core::config::Config;
use std::path::PathBuf;

/// Programs that a reader has by now, beside this toolkit's own.
const OTHERS: [&str; 13] = [
    "git",
    "cd",
    "cargo",
    "mkdir",
    "curl",
    "tar",
    "unzip",
    "unrar",
    "head",
    "ls",
    "awk",
    "mdbook",
    "tensorboard",
];

#[test]
fn commands_parse_and_their_configs_are_there() {
    let mut seen = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "console") {
            let joined = block.text.replace("\\\n", " ");
            for command in joined.lines().filter_map(|line| line.strip_prefix("$ ")) {
                check(&words(command)).unwrap_or_else(|error| panic!("{}: {command}: {error}", block.place));
                seen += 1;
            }
        }
        for block in page.blocks() {
            assert!(!["sh", "bash", "shell"].contains(&block.language.as_str()), "{}: console", block.place);
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
}

fn check(words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .skip_while(|word| word.contains('=') && !word.contains('/'))
        .collect();
    match words.as_slice() {
        ["plasticity", ..] => parse(&words, true),
        // A crate of the reader's own, whose `main` is this program.
        ["cargo", "run", rest @ ..] => match rest.iter().position(|word| *word == "--") {
            Some(at) if !rest.contains(&"--example") => {
                parse(&[&["plasticity"], &rest[at + 1..]].concat(), false)
            }
            _ => Ok(()),
        },
        [script, ..] if script.starts_with("scripts/") => {
            if root().join(script).is_file() {
                Ok(())
            } else {
                Err("there is no such script".to_owned())
            }
        }
        [program, ..] if OTHERS.contains(program) => Ok(()),
        _ => Err("is no command that the book may use".to_owned()),
    }
}

fn parse(words: &[&str], here: bool) -> Result<(), String> {
    let matches = match plasticity::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let Some((_, arguments)) = matches.subcommand() else { return Ok(()) };
    let (Ok(Some(config)), true) = (arguments.try_get_one::<PathBuf>("config"), here) else { return Ok(()) };
    let set = arguments.try_get_many::<String>("set").ok().flatten();
    let set: Vec<String> = set.into_iter().flatten().cloned().collect();
    Config::load(&root().join(config), &set).map(drop).map_err(|error| error.to_string())
}

/// The words of a command as a shell takes them, with quotes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn a_wrong_command_is_caught() {
    let fails = |command: &str| check(&words(command)).is_err();
    assert!(fails("plasticity tran configs/vision/tiny.toml"));
    assert!(fails("plasticity train configs/vision/absent.toml"));
    assert!(fails("plasticity train configs/vision/tiny.toml --sett rule=cpc"));
    assert!(fails("plasticity train configs/vision/tiny.toml --set rule=cpd"));
    assert!(fails("cargo run -- audits config.toml"));
    assert!(fails("scripts/absent"));
    assert!(!fails("plasticity train configs/vision/tiny.toml --set 'rule=cpc' --out \"a b\""));
}
