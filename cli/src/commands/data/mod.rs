//! `plasticity data fetch DATA --to DIR`: downloads a data set from its official host, checks it and unpacks it.

mod bytes;
mod catalogue;
mod checksum;
mod download;
mod fetch;
mod rar;
#[cfg(test)]
mod tests;
mod unpack;

use crate::exit::Exit;
use crate::output;
use catalogue::DataSet;
use plasticity_core::Result;
use std::path::PathBuf;

/// Arguments of `data`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do with data sets.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Download a data set from its official host, check it and unpack it; goes on where it was stopped
    Fetch(FetchArguments),
}

/// Arguments of `data fetch`.
#[derive(Debug, clap::Args)]
struct FetchArguments {
    /// The data set
    data: DataSet,
    /// The folder that its archives and its own folder are put in
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// A part of it, instead of what the configs need; may be given several times
    #[arg(long = "part", value_name = "NAME")]
    parts: Vec<String>,
    /// Another place than the official host: a folder on the web that has archives of the same names
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// How often to try again without getting any further
    #[arg(long, value_name = "N", default_value_t = 4)]
    retries: u32,
}

/// Does it.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let Command::Fetch(arguments) = &arguments.command;
    for archive in arguments.data.archives(&arguments.parts)? {
        let host = arguments.from.as_deref().unwrap_or(archive.host);
        let folder = fetch::fetch(archive, host, &arguments.to, arguments.retries)?;
        output::print(&folder.display().to_string())?;
    }
    Ok(Exit::Success)
}
