//! The suite that every plugin must pass, on the plugins of this crate.

use plasticity_core::registry::{self, Family};

use {crate_name} as _;

#[test]
fn the_plugin_suite_passes() {
    let rule = registry::find(Family::Rule, "{name}", "test").unwrap();
    plasticity_suite::plugin(rule).unwrap();
}
