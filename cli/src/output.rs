//! What the program says: tables and JSON on standard output, errors on standard error.

use plasticity_core::{Error, Result};
use plasticity_lab::files::write_atomically;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process leaves it to another to speak: of all but errors, or of these as well.
static SILENT: AtomicBool = AtomicBool::new(false);
static SILENT_ERRORS: AtomicBool = AtomicBool::new(false);

/// Says nothing from here on but errors: another rank says the rest.
#[cfg(feature = "mpi")]
pub fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Says no errors either: another rank says the same.
pub fn silence_errors() {
    SILENT_ERRORS.store(true, Ordering::Relaxed);
}

/// Writes to standard output. That a reader such as `head` has gone away is no error.
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

/// Says an error.
pub fn error(error: &Error) {
    if !SILENT_ERRORS.load(Ordering::Relaxed) {
        // Nothing is left to do where even this fails.
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

/// Says an error of one of several ranks.
pub fn error_of(rank: usize, error: &Error) {
    if !SILENT_ERRORS.load(Ordering::Relaxed) {
        let _ = writeln!(std::io::stderr(), "error: rank {rank}: {error}");
    }
}

/// Says something on the way, beside what the command is for.
pub fn note(text: &str) {
    if SILENT.load(Ordering::Relaxed) {
        return;
    }
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Keeps what was worked out in a file of its run, or says that it cannot: the run may be another person's.
pub fn keep(path: &Path, text: &str) {
    if let Err(error) = write_atomically(path, text.as_bytes()) {
        note(&format!("warning: {error}: the result is printed but not saved in the run's folder"));
    }
}

/// A Markdown table; the first column is to the left, the others to the right.
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

/// A table in columns of blanks; the first column is to the left, the others to the right.
pub fn columns(head: &[String], rows: &[Vec<String>]) -> String {
    let table = table(head, rows);
    let lines = table.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line);
    let plain = lines.map(|line| line.trim_matches(['|', ' ']).replace(" | ", "  "));
    plain.collect::<Vec<_>>().join("\n")
}

/// A word as a shell takes it.
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
    fn columns_of_a_table_are_aligned() {
        let words = |row: &[&str]| row.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let text = table(&words(&["rule", "a"]), &[words(&["cpc", "1.0"]), words(&["clapp", "44.0"])]);
        assert_eq!(text, "| rule  |    a |\n| ----- | ---: |\n| cpc   |  1.0 |\n| clapp | 44.0 |");
    }
}
