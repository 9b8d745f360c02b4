//! Helpers for the tests of all modalities.

use std::path::PathBuf;

/// The path of real data, if the machine has them.
pub fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PLASTICITY_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join("data").join(part);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}
