//! The output of the program: tables and JSON on standard output, errors on standard error.

pub use plasticity_lab::files::quoted;

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

/// A Markdown table; the first column is left-aligned, the others are right-aligned. A `|` inside a cell is escaped.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let escaped = |row: &[String]| row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| escaped(row)).collect();
    let mut lines = padded(&escaped(head), &rows);
    let rule = |(column, cell): (usize, &String)| match (column, cell.chars().count()) {
        (0, width) => "-".repeat(width),
        (_, width) => format!("{}:", "-".repeat(width - 1)),
    };
    lines.insert(1, lines[0].iter().enumerate().map(rule).collect());
    let line = |cells: &Vec<String>| format!("| {} |", cells.join(" | "));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A table with columns separated by blanks; the first column is left-aligned, the others are right-aligned.
pub fn columns(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &Vec<String>| cells.join("  ").trim_end().to_owned();
    padded(head, rows).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The cells of the head and of each row, filled with blanks to the width of their column, which is at least 3.
fn padded(head: &[String], rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let lines: Vec<&[String]> = std::iter::once(head).chain(rows.iter().map(Vec::as_slice)).collect();
    let width = |column: usize| lines.iter().map(|row| length(row, column)).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let fill = |(column, (cell, &width)): (usize, (&String, &usize))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    };
    lines.iter().map(|row| row.iter().zip(&widths).enumerate().map(fill).collect()).collect()
}

/// The program in a command that a person types. The shipped program is on the path; a program that links this one was
/// started by its file, and only this program has its plugins.
pub fn program() -> String {
    std::env::args_os().next().map_or_else(|| SHIPPED.to_owned(), |file| typed(&file))
}

fn typed(file: &OsStr) -> String {
    match Path::new(file).file_stem() {
        Some(name) if name == SHIPPED => SHIPPED.to_owned(),
        _ => quoted(file),
    }
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
        let text = table(&words(&["rule", "a"]), &[words(&["a|b", "1"])]);
        assert_eq!(text, "| rule |   a |\n| ---- | --: |\n| a\\|b |   1 |");
        let text = columns(&words(&["rule", "a"]), &[words(&["a | b", "1"]), words(&["c", ""])]);
        assert_eq!(text, "rule     a\na | b    1\nc");
    }
}
