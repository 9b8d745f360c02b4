//! The book cannot drift: what it generates is generated again, its examples are compiled and pass the plugin suite,
//! its commands and configs parse, its links lead somewhere.
//!
//! `PLASTICITY_UPDATE_BOOK=1 cargo test -p plasticity-tests --test book` writes the generated pages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers")]

use plasticity_tests as _;

mod broadcast;
mod commands;
mod configs;
mod equations;
mod generated;
mod layer;
mod links;
mod locality;
mod matrices;
mod pages;
mod score;
mod stimulus;

// ANCHOR: suite
use plasticity_core::registry::{self, Family};

#[test]
fn the_examples_pass_the_plugin_suite() {
    for (family, name) in [
        (Family::Score, "distance"),
        (Family::Broadcast, "squared_hinge"),
        (Family::Layer, "gain"),
        (Family::Stimulus, "gratings"),
    ] {
        plasticity_suite::plugin(registry::find(family, name, "book").unwrap()).unwrap();
    }
}
// ANCHOR_END: suite
