//! The command line as a user meets it: what is printed, what is written, how it exits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod alignment;
mod along;
mod compare;
mod errors;
mod export;
mod extends;
mod features;
mod goodness;
mod import;
mod list;
mod memory;
mod models;
mod mpirun;
mod precision;
mod report;
mod reports;
mod resume;
mod safety;
mod speech;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// With these options a training ends early, by patience.
const PATIENT: [&str; 6] = [
    "--set",
    "training.epochs=40",
    "--set",
    "training.patience={loss=1}",
    "--set",
    "training.optimiser.rate=1e-9",
];

/// A config small enough for a test: 6 steps of 8 built-in scenes.
const CONFIG: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 24, train = 32, test = 16 }
patch = { size = 16, stride = 8 }
[encoder]
preset = "vgg6"
widths = [4, 4, 4, 8, 8, 8]
[rule]
type = "clapp_s"
[training]
epochs = 2
batch = 8
log_every = 1
checkpoint_every = { steps = 2 }
optimiser = { type = "adam", rate = 1e-3 }
[probe]
epochs = 3
"#;

/// A folder of its own with the config in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs, expects success and returns what was printed.
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs, expects the exit status and returns the error, which must be one line and no panic.
    fn fail(&self, arguments: &[&str], status: i32) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(!error.contains("panicked"), "{error}");
        let errors: Vec<_> = error.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {error}");
        errors[0]["error: ".len()..].to_owned()
    }
}

/// The program: where it was built, or, carried to another machine, beside this test.
fn program() -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_plasticity_under_test"));
    if built.is_file() {
        return built;
    }
    std::env::current_exe().unwrap().with_file_name(built.file_name().unwrap())
}

/// All files below a folder, with their contents and when they were last written.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push((path.clone(), read(&path), path.metadata().unwrap().modified().unwrap())),
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
