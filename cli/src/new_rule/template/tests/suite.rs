//! The suite that every plugin must pass, on the plugins of this crate.

use {crate_name} as _;

#[test]
fn the_plugin_suite_passes() {
    plasticity_core::testing::suite_of("{name}").unwrap();
}
