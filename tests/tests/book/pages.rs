//! The pages of the book and the blocks in them.

pub use plasticity_tests::root;
use std::path::{Path, PathBuf};

/// `book/src`.
pub fn source() -> PathBuf {
    root().join("book/src")
}

/// A page.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of a page.
pub struct Block {
    /// The page and the line that the block begins at.
    pub place: String,
    /// The word after the fence, up to a comma.
    pub language: String,
    pub text: String,
}

/// All Markdown of the book and of the repository's root and `docs`.
pub fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    collect(&source(), &mut found);
    let others = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/results.md", "docs/performance.md"];
    found.extend(others.map(|name| root().join(name)));
    found.sort();
    let read = |path: PathBuf| Page { text: std::fs::read_to_string(&path).unwrap(), path };
    found.into_iter().map(read).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    /// Its name from the root on.
    pub fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }

    /// Its fenced blocks.
    pub fn blocks(&self) -> Vec<Block> {
        let mut found = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(language), None) => {
                    let language = language.split(',').next().unwrap_or_default().trim().to_owned();
                    let place = format!("{}:{}", self.name(), number + 1);
                    open = Some(Block { place, language, text: String::new() });
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name());
        found
    }

    /// Its text without fenced blocks and without code in a line.
    pub fn prose(&self) -> String {
        let mut prose = String::new();
        let mut fenced = false;
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                prose.extend(line.split('`').step_by(2));
                prose.push('\n');
            }
        }
        prose
    }
}
