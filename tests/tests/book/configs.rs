//! Every TOML block of the book can be run: a whole config by itself, a part of one in place of tiny.toml's.

use super::pages::{pages, root};
use plasticity_lab::config::Config;
use toml::Table;

#[test]
fn toml_blocks_are_configs() {
    let base: Table =
        std::fs::read_to_string(root().join("configs/vision/tiny.toml")).unwrap().parse().unwrap();
    let mut seen = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "toml") {
            if block.text.trim_start().starts_with("{{#include") {
                continue;
            }
            let part: Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place));
            let mut whole = base.clone();
            whole.extend(part);
            let text = toml::to_string(&whole).unwrap();
            Config::parse(&text, &block.place).unwrap_or_else(|error| panic!("{}: {error}", block.place));
            seen += 1;
        }
    }
    assert!(seen > 3, "only {seen} blocks were found");
}
