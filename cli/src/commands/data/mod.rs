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

/// The commands for data sets.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Download a data set from its official host, check it and unpack it; resumes a stopped download
    Fetch(FetchArguments),
}

/// Arguments of `data fetch`.
#[derive(Debug, clap::Args)]
struct FetchArguments {
    /// The data set
    data: DataSet,
    /// The folder for the archives and the data
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Download this part instead of the parts that the configs need; may be repeated
    #[arg(long = "part", value_name = "NAME")]
    parts: Vec<String>,
    /// Download from this web folder instead of the official host; it must have archives with the same names
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Give up when more than N attempts in a row make no progress
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
