//! Whole-system tests of the plasticity toolkit: what they share.

pub mod fuzz;

use std::path::{Path, PathBuf};

use plasticity_encoders as _;
use plasticity_modalities as _;
use plasticity_rules as _;

/// A config whose network is made and trained in an instant: scenes, and six layers of two neurons by CLAPP-s.
pub const SCENES: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 16, train = 8, test = 8 }
patch = { size = 16, stride = 8 }
[encoder]
preset = "vgg6"
widths = [2, 2, 2, 2, 2, 2]
[rule]
type = "clapp_s"
[training]
epochs = 2
batch = 8
"#;

/// The root of the repository: where this was built, or, carried to another machine, the working folder.
pub fn root() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    built.canonicalize().unwrap_or_else(|_| PathBuf::from("."))
}

/// The folder of development data and reference cases beside a checkout (or where `PLASTICITY_SHARED` says). Tests that need
/// it carry `#[ignore = "needs ../shared"]`.
///
/// # Errors
/// Where it is not there.
pub fn shared() -> Result<PathBuf, String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("PLASTICITY_SHARED").map_or(beside, PathBuf::from);
    if folder.is_dir() { Ok(folder) } else { Err(format!("{} is absent", folder.display())) }
}
