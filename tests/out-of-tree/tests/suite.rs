//! The suite that every plugin must pass, on this crate's plugins and on all that it links.

use my_plugins as _;

#[test]
fn every_plugin_passes() {
    plasticity_suite::suite().unwrap();
}
