//! Tests the stated defaults of the keys of sections.

use super::{PROBE, ProbeConfig, TRAINING, Training};
use toml::{Table, Value};

/// The resolved section that results from adding `more`.
fn resolved<T: serde::de::DeserializeOwned + serde::Serialize>(start: &str, more: &str) -> Table {
    let section: T = toml::from_str(&format!("{start}\n{more}")).unwrap();
    let Value::Table(resolved) = super::write::value(&section).unwrap() else { panic!("{more}") };
    resolved
}

/// The stated defaults are the values that an empty config gets, and no key is missing.
#[test]
fn stated_defaults_are_those_of_the_code() {
    type Resolved = fn(&str, &str) -> Table;
    for (keys, start, resolved) in [
        (&TRAINING[..], "epochs = 1", resolved::<Training> as Resolved),
        (&PROBE[..], "", resolved::<ProbeConfig> as Resolved),
    ] {
        let silent = resolved(start, "");
        for name in silent.keys() {
            assert!(keys.iter().any(|key| key.name == name), "`{name}` is not stated");
        }
        for key in keys.iter().filter(|key| !key.default.is_empty()) {
            let said = format!("{} = {}", key.name, key.default);
            assert_eq!(resolved(start, &said), silent, "{said}");
            let stated = said.parse::<Table>().unwrap();
            plasticity_core::keys::check_value(&key.range().unwrap(), &stated[key.name]).unwrap();
        }
    }
}
