//! Train, probe, verify and audit local self-supervised learning rules from a config.
//!
//! The program is [`run`]. A crate with its own plugins has a `main` of three lines: it names the plugin crate
//! (`use my_rules as _;`), so that this crate is linked, and returns the exit code of [`run`].
//!
//! You can also train and probe a config from Rust; `examples/train.rs` shows how to write a run folder:
//!
//! ```
//! use plasticity as _; // links all plugins
//! use plasticity_lab::config::Config;
//! use plasticity_core::device::Device;
//! use plasticity_lab::experiment::Experiment;
//! use plasticity_lab::training::Trainer;
//!
//! # fn main() -> plasticity_core::Result<()> {
//! let config = r#"
//! seed = 1
//! [stimulus]
//! type = "images"
//! source = { type = "synthetic", count = 16, train = 16, test = 16 }
//! patch = { size = 16, stride = 8 }
//! [encoder]
//! preset = "vgg6"
//! widths = [2, 2, 2, 2, 2, 2]
//! [rule]
//! type = "clapp"
//! [training]
//! epochs = 1
//! batch = 4
//! optimiser = { type = "adam", rate = 1e-3 }
//! "#;
//! let (experiment, device) = (Experiment::open(Config::parse(config, "here")?)?, Device::open()?);
//! let mut trainer = Trainer::new(experiment.network(&device)?, 1);
//! for batch in experiment.loader(0..2)? {
//!     let loss = trainer.step(batch?.to_device(&device)?, true)?;
//!     assert_eq!(loss.len(), 6, "one loss for each layer");
//! }
//! # Ok(())
//! # }
//! ```

pub mod equation;
pub mod new_rule;
pub mod profile;

mod arguments;
mod commands;
mod examined;
mod exit;
mod import;
mod loaded;
mod onnx;
mod options;
mod output;
mod progress;
mod ranks;
mod report;
mod signals;
mod threads;
mod trace;

pub use exit::Exit;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use plasticity_core::{Result, registry};
use plasticity_lab::provenance;
use std::io::IsTerminal;
use std::process::ExitCode;

// Named so that they are linked: the plugins of these crates register themselves.
use plasticity_encoders as _;
use plasticity_modalities as _;
use plasticity_rules as _;

/// The command line for clap. The book's reference is generated from it, and tests parse the book's commands with it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the program on this process's arguments.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            // If even the message cannot be written, nothing else can be done.
            let _ = error.print();
            return exit.into();
        }
    };
    // Faults that symphonia finds in a file become errors with the file's name, so its log is not needed.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,symphonia=off"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    // A program that links this one may have set up its own logging.
    let _ = logs.without_time().with_target(false).try_init();
    let ended = signals::fail_without_memory().and_then(|()| dispatch(&arguments.command));
    let exit = ended.unwrap_or_else(|error| {
        output::error(&error);
        Exit::of(&error)
    });
    exit.into()
}

fn dispatch(command: &Command) -> Result<Exit> {
    registry::check()?;
    provenance::set_commit(env!("PLASTICITY_COMMIT"));
    match command {
        Command::Train(arguments) => commands::train::run(arguments),
        Command::Probe(arguments) => commands::probe::run(arguments),
        Command::List(arguments) => commands::list::run(arguments),
        Command::Demo(arguments) => commands::demo::run(arguments),
        Command::Data(arguments) => commands::data::run(arguments),
        Command::Bench(arguments) => commands::bench::run(arguments),
        Command::Compare(arguments) => commands::compare::run(arguments),
        Command::Verify(arguments) => commands::verify::run(arguments),
        Command::Audit(arguments) => commands::audit::run(arguments),
        Command::Alignment(arguments) => commands::alignment::run(arguments),
        Command::Report(arguments) => commands::report::run(arguments),
        Command::Features(arguments) => commands::features::run(arguments),
        Command::Export(arguments) => commands::export::run(arguments),
        Command::Import(arguments) => commands::import::run(arguments),
        Command::Analyse(arguments) => commands::analyse::run(arguments),
        Command::NewRule(arguments) => commands::new_rule::run(arguments),
    }
}
