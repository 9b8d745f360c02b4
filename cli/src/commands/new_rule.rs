//! `plasticity new-rule NAME`.

use crate::exit::Exit;
use crate::{new_rule, output};
use plasticity_core::Result;
use std::path::PathBuf;

/// Arguments of `new-rule`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The name of the crate and of the rule
    name: String,
    /// The folder in which to make the crate's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// Writes the crate.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let folder = new_rule::write(&arguments.name, &arguments.out)?;
    output::print(&folder.display().to_string())?;
    output::note("next, in this folder: cargo test; cargo run -- train config.toml");
    Ok(Exit::Success)
}
