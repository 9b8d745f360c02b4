//! What tests of all modalities need.

use std::path::PathBuf;

/// Real data, where the machine has it.
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
