//! Every command of the book parses, and the configs that it names are there and can be read.

use super::pages::{Block, pages, root};
use plasticity_lab::config::Config;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Programs that a reader has by now, beside this toolkit's own.
const OTHERS: [&str; 19] = [
    "apt-get",
    "awk",
    "cargo",
    "cd",
    "curl",
    "ffmpeg",
    "find",
    "git",
    "head",
    "ls",
    "mdbook",
    "mkdir",
    "pip",
    "python3",
    "source",
    "tar",
    "tensorboard",
    "unrar",
    "unzip",
];

#[test]
fn commands_parse_and_their_configs_are_there() {
    let mut seen = 0;
    for page in pages() {
        let blocks = page.blocks();
        for block in blocks.iter().filter(|block| block.language == "console") {
            for command in lines(&block.text).iter().filter_map(|line| line.strip_prefix("$ ")) {
                check(&words(command), &blocks)
                    .unwrap_or_else(|error| panic!("{}: {command}: {error}", block.place));
                seen += 1;
            }
        }
        for block in page.blocks() {
            assert!(!["sh", "bash", "shell"].contains(&block.language.as_str()), "{}: console", block.place);
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
}

/// So that a reader can run them in order: a folder that holds a run takes no other.
#[test]
fn no_two_commands_write_to_one_folder() {
    let mut seen = BTreeMap::new();
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "console") {
            for line in lines(&block.text) {
                let words = words(&line);
                let out = words.iter().position(|word| word == "--out").and_then(|at| words.get(at + 1));
                let Some(out) = out else { continue };
                let before = seen.insert(out.clone(), block.place.clone());
                assert!(before.is_none(), "{}: --out {out} is that of {}", block.place, before.unwrap());
            }
        }
    }
    assert!(seen.len() > 10, "only {} were found", seen.len());
}

/// The lines of a block, those that end in a backslash joined with the next.
fn lines(block: &str) -> Vec<String> {
    block.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// `page`: the blocks of the page that a command stands on, which may show the config that it names.
fn check(words: &[String], page: &[Block]) -> Result<(), String> {
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .skip_while(|word| word.contains('=') && !word.contains('/'))
        .collect();
    match words.as_slice() {
        ["plasticity", ..] => parse(&words, Some(page)),
        // A crate of the reader's own, whose `main` is this program.
        ["cargo", "run", rest @ ..] => match rest.iter().position(|word| *word == "--") {
            Some(at) if !rest.contains(&"--example") => {
                parse(&[&["plasticity"], &rest[at + 1..]].concat(), None)
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
        // Its own words come before those of the program that it starts.
        ["mpirun", rest @ ..] => match rest.iter().position(|word| *word == "plasticity") {
            Some(at) => parse(&rest[at..], Some(page)),
            None => Ok(()),
        },
        [program, ..] if OTHERS.contains(program) => Ok(()),
        _ => Err("is no command that the book may use".to_owned()),
    }
}

/// Opens the config as well, where a page is given: a file of the repository, or, of a name without a folder, the page's
/// block that begins with `# NAME`.
fn parse(words: &[&str], page: Option<&[Block]>) -> Result<(), String> {
    let matches = match plasticity::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let Some((_, arguments)) = matches.subcommand() else { return Ok(()) };
    let (Ok(Some(config)), Some(page)) = (arguments.try_get_one::<PathBuf>("config"), page) else {
        return Ok(());
    };
    let set = arguments.try_get_many::<String>("set").ok().flatten();
    let set: Vec<String> = set.into_iter().flatten().cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let file = if config.components().count() > 1 {
        root().join(config)
    } else {
        let first = format!("# {}\n", config.display());
        let shown = page.iter().find(|block| block.language == "toml" && block.text.starts_with(&first));
        let text = &shown.ok_or("no block of this page begins with the config's name")?.text;
        let file = folder.path().join(config);
        std::fs::write(&file, text).unwrap();
        file
    };
    Config::load(&file, &set).map(drop).map_err(|error| error.to_string())
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
    let shown = Block {
        place: String::new(),
        language: "toml".to_owned(),
        text: format!(
            "# my.toml\n{}",
            std::fs::read_to_string(root().join("configs/vision/tiny.toml")).unwrap()
        ),
    };
    let fails = |command: &str| check(&words(command), std::slice::from_ref(&shown)).is_err();
    assert!(fails("plasticity tran configs/vision/tiny.toml"));
    assert!(fails("plasticity train configs/vision/absent.toml"));
    assert!(fails("plasticity train configs/vision/tiny.toml --sett rule=cpc"));
    assert!(fails("plasticity train configs/vision/tiny.toml --set rule=cpd"));
    assert!(fails("cargo run -- audits config.toml"));
    assert!(fails("scripts/absent"));
    assert!(fails("plasticity train your.toml") && fails("plasticity train my.toml --set rule=cpd"));
    assert!(!fails("plasticity train my.toml --set rule=cpc"));
    assert!(!fails("plasticity train configs/vision/tiny.toml --set 'rule=cpc' --out \"a b\""));
}
