//! The output of the program: tables and JSON on standard output, errors on standard error.

use plasticity_core::{Error, Result};
use plasticity_lab::files::write_atomically;
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the shipped program.
const SHIPPED: &str = "plasticity";

/// Whether this process prints nothing because another one prints: nothing except errors, or not even errors.
static SILENT: AtomicBool = AtomicBool::new(false);
static SILENT_ERRORS: AtomicBool = AtomicBool::new(false);

/// From now on, prints only errors; another rank prints the rest.
#[cfg(feature = "mpi")]
pub fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// From now on, does not print errors either; another rank prints the same ones.
pub fn silence_errors() {
    SILENT_ERRORS.store(true, Ordering::Relaxed);
}

/// Writes to standard output. It is not an error if a reader such as `head` has ended.
pub fn print(text: &str) -> Result<()> {
    if SILENT.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::file("standard output", error)),
        _ => Ok(()),
    }
}

/// A value as indented JSON.
pub fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::file("JSON", error))
}

/// Prints an error.
pub fn error(error: &Error) {
    if !SILENT_ERRORS.load(Ordering::Relaxed) {
        // If even this fails, nothing else can be done.
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

/// Prints an error of one of several ranks.
pub fn error_of(rank: usize, error: &Error) {
    if !SILENT_ERRORS.load(Ordering::Relaxed) {
        let _ = writeln!(std::io::stderr(), "error: rank {rank}: {error}");
    }
}

/// Prints a note that is not the result of the command.
pub fn note(text: &str) {
    if SILENT.load(Ordering::Relaxed) {
        return;
    }
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Saves a result in a file of its run, or warns if this fails: the run may belong to another person.
pub fn keep(path: &Path, text: &str) {
    if let Err(error) = write_atomically(path, text.as_bytes()) {
        note(&format!("warning: {error}: the result is printed but not saved in the run's folder"));
    }
}

/// A Markdown table; the first column is left-aligned, the others are right-aligned.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().chain(std::iter::once(&head.to_vec())).map(|row| length(row, column)).max();
        cells.unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, &width))| {
                    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(
            |(column, &width)| {
                if column == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
            },
        )
        .collect();
    let mut lines = vec![line(head), line(&rule)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// A table with columns separated by blanks; the first column is left-aligned, the others are right-aligned.
pub fn columns(head: &[String], rows: &[Vec<String>]) -> String {
    let table = table(head, rows);
    let lines = table.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line);
    let bare = |line: &str| line.strip_prefix("| ")?.strip_suffix(" |").map(|line| line.replace(" | ", "  "));
    let plain = lines.filter_map(bare).map(|line| line.trim_end().to_owned());
    plain.collect::<Vec<_>>().join("\n")
}

/// The program in a command that a person types. The shipped program is on the path; a program that links this one was
/// started by its file, and only this program has its plugins.
pub fn program() -> String {
    std::env::args_os().next().map_or_else(|| SHIPPED.to_owned(), |file| typed(&file))
}

fn typed(file: &OsStr) -> String {
    match Path::new(file).file_stem() {
        Some(name) if name == SHIPPED => SHIPPED.to_owned(),
        _ => quoted(&file.to_string_lossy()),
    }
}

/// A word, quoted for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn length(row: &[String], column: usize) -> usize {
    row.get(column).map_or(0, |cell| cell.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("rule=cpc"), "rule=cpc");
        assert_eq!(quoted("a b's"), "'a b'\\''s'");
    }

    #[test]
    fn commands_name_the_program_that_has_the_plugins() {
        for (file, expected) in [
            ("plasticity", "plasticity"),
            ("/opt/bin/plasticity", "plasticity"),
            ("target/debug/my_rule", "target/debug/my_rule"),
            ("/a b/my_rule", "'/a b/my_rule'"),
        ] {
            assert_eq!(typed(OsStr::new(file)), expected);
        }
    }

    #[test]
    fn columns_of_a_table_are_aligned() {
        let words = |row: &[&str]| row.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let text = table(&words(&["rule", "a"]), &[words(&["cpc", "1.0"]), words(&["clapp", "44.0"])]);
        assert_eq!(text, "| rule  |    a |\n| ----- | ---: |\n| cpc   |  1.0 |\n| clapp | 44.0 |");
    }
}
