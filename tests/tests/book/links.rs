//! Links lead to pages, includes to files and anchors, and the table of contents holds every page once.

use super::pages::{Page, pages, source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn links_and_includes_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let folder = page.path.parent().unwrap();
        for link in links(&page.prose()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(p, a)| (p, Some(a)));
            let file = if path.is_empty() { page.path.clone() } else { folder.join(path) };
            let there = match anchor {
                Some(anchor) => {
                    std::fs::read_to_string(&file).is_ok_and(|text| headings(&text, &file).contains(anchor))
                }
                None => file.exists(),
            };
            if !there {
                wrong.push(format!("{}: {link}", page.name()));
            }
        }
        for (path, anchor) in includes(&page.text) {
            let text = std::fs::read_to_string(folder.join(&path)).unwrap_or_default();
            let found = !text.is_empty()
                && anchor.as_ref().is_none_or(|anchor| {
                    let is = |mark: &str| {
                        let of = |line: &str| {
                            line.trim_end_matches(" -->").ends_with(&format!("{mark}: {anchor}"))
                        };
                        text.lines().any(of)
                    };
                    is("ANCHOR") && is("ANCHOR_END")
                });
            if !found {
                wrong.push(format!("{}: include of {path} {anchor:?}", page.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rust_is_shown_from_files_that_are_compiled() {
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "rust") {
            let only = block.text.lines().all(|line| line.is_empty() || line.starts_with("{{#include "));
            assert!(only, "{}: show Rust by {{{{#include}}}} of a file that is compiled", block.place);
        }
    }
}

#[test]
fn the_table_of_contents_holds_every_page() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.path.ends_with("SUMMARY.md")).unwrap();
    let listed: Vec<PathBuf> = links(&summary.text).into_iter().map(|link| source().join(link)).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "a page is listed twice");
    let there: BTreeSet<_> = pages
        .iter()
        .filter(|page| page.path.starts_with(source()) && !page.path.ends_with("SUMMARY.md"))
        .map(|page: &Page| page.path.clone())
        .collect();
    assert_eq!(unique, there);
}

/// The anchors of a page's headings, and of those of the pages that it includes.
fn headings(text: &str, page: &Path) -> BTreeSet<String> {
    let included = includes(text).into_iter().filter(|(path, _)| path.ends_with(".md"));
    let read =
        |(path, _): (String, _)| std::fs::read_to_string(page.with_file_name(path)).unwrap_or_default();
    anchors(text).into_iter().chain(included.map(read).flat_map(|text| anchors(&text))).collect()
}

/// The anchors that mdBook gives a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn anchors_are_those_of_mdbook() {
    let found = anchors("# A rule, from `here`\n\n```text\n# not this\n```\n\n## `[probe]`\n");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a-rule-from-here", "probe"]);
}

/// Targets of `[text](target)`, and of lines `[name]: target`.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let named = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(named.map(|(_, link)| link)).map(str::to_owned).collect()
}

/// Files and anchors of `{{#include file:anchor}}`.
fn includes(text: &str) -> Vec<(String, Option<String>)> {
    let parts = text.split("{{#include ").skip(1).filter_map(|rest| rest.split_once("}}"));
    parts
        .map(|(what, _)| match what.split_once(':') {
            Some((path, anchor)) => (Path::new(path).display().to_string(), Some(anchor.to_owned())),
            None => (what.to_owned(), None),
        })
        .collect()
}
