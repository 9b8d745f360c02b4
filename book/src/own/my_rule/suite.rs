//! The suite that every plugin must pass, on the plugins of this crate.

use plasticity_core::registry::{self, Family};

use my_rule as _;

#[test]
fn the_plugin_suite_passes() {
    let rule = registry::find(Family::Rule, "my_rule", "test").unwrap();
    plasticity_suite::plugin(rule).unwrap();
}
