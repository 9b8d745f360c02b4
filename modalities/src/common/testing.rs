//! Helpers for the tests of all modalities.

use std::path::PathBuf;

/// The path of real data. Tests that need it carry `#[ignore = "needs ../shared"]`.
pub fn shared(part: &str) -> PathBuf {
    let root = std::env::var_os("PLASTICITY_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join("data").join(part);
    assert!(path.exists(), "{} is absent", path.display());
    path
}
