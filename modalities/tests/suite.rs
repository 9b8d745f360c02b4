//! Every plugin of this crate passes the suite of the core.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_modalities as _;

#[test]
fn every_plugin_passes_the_suite() {
    assert!(plasticity_suite::suite().unwrap() > 0);
}
