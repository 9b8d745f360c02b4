//! Every plugin of this crate passes the suite of the core.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_rules as _;

#[test]
fn every_plugin_passes_the_suite() {
    let checked = plasticity_suite::suite().unwrap();
    assert!(checked >= 15, "only {checked} plugins were found");
}
