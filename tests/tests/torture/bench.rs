//! A run, what it comes to where nothing happens to it, and whether another came to the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Steps of the whole run; a checkpoint follows each.
const STEPS: u64 = 12;

const CONFIG: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 8, train = 8, test = 8 }
patch = { size = 16, stride = 16 }
[encoder]
preset = "vgg6"
widths = [2, 2, 2, 2, 2, 2]
[rule]
type = "clapp_s"
prediction_steps = 2
[training]
epochs = 12
batch = 8
log_every = 1
checkpoint_every = { steps = 1 }
threads = 1
optimiser = { type = "adam", rate = 1e-3 }
"#;

/// How often something was tried, how often it struck a run that had not ended, and how often something was lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub tried: u64,
    pub met: u64,
    pub lost: u64,
}

/// A folder with the run that nothing happened to.
pub struct Bench {
    folder: tempfile::TempDir,
    checkpoint: Vec<u8>,
    metrics: Vec<u8>,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
        let mut bench = Self { folder, checkpoint: Vec::new(), metrics: Vec::new() };
        let made = bench.program(&["train", "config.toml", "--out", "whole"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        bench.checkpoint = std::fs::read(bench.path("whole").join(last())).unwrap();
        bench.metrics = std::fs::read(bench.path("whole/metrics.jsonl")).unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program on these arguments, in the folder.
    pub fn program(&self, arguments: &[&str]) -> Command {
        self.under(&[], arguments)
    }

    /// The same, started by another program.
    pub fn under(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_plasticity_under_test");
        let mut command = match starter {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(arguments).current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Whether system calls of a process can be traced here.
    pub fn can_trace(&self) -> bool {
        let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
        traced.is_ok_and(|output| output.status.success())
    }

    /// Starts a run anew, or goes on with it where it had begun.
    pub fn arguments(&self, run: &str) -> Vec<String> {
        let begun = self.path(run).join("config.toml").is_file();
        if !begun && self.path(run).exists() {
            // Nothing had been made yet but the folder.
            std::fs::remove_dir_all(self.path(run)).unwrap();
        }
        let words: &[&str] =
            if begun { &["train", "--resume", run] } else { &["train", "config.toml", "--out", run] };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Runs a run to its end and removes it. Whether it came to the bits that it should, and left nothing behind.
    pub fn ends_well(&self, run: &str) -> bool {
        let well = self.comes_to_its_end(run);
        std::fs::remove_dir_all(self.path(run)).unwrap();
        well
    }

    /// The same, without removing it.
    pub fn comes_to_its_end(&self, run: &str) -> bool {
        let arguments = self.arguments(run);
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.program(&words).output().unwrap();
        self.is_whole(run, &output)
    }

    /// Whether the process that ended so brought a run to the bits that it should, and left nothing behind.
    pub fn is_whole(&self, run: &str, output: &Output) -> bool {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let folder = self.path(run);
        let same = |name: &Path, expected: &[u8]| {
            std::fs::read(folder.join(name)).is_ok_and(|found| found == expected)
        };
        let faults = [
            (!output.status.success(), "ended with an error"),
            (said.contains("panicked"), "panicked"),
            (!same(&last(), &self.checkpoint), "came to other bits"),
            (!same(Path::new("metrics.jsonl"), &self.metrics), "has other records"),
            (partial(&folder), "left temporary files"),
        ];
        for (_, fault) in faults.iter().filter(|(is, _)| *is) {
            println!("{run}: {fault}: {said}");
        }
        faults.iter().all(|(is, _)| !is)
    }

    /// The last step of which there is a checkpoint, by its name.
    pub fn steps(&self, run: &str) -> u64 {
        let entries = std::fs::read_dir(self.path(run).join("checkpoints")).into_iter().flatten().flatten();
        let step = |name: &str| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
        entries.filter_map(|entry| step(&entry.file_name().to_string_lossy())).max().unwrap_or(0)
    }
}

/// The last checkpoint of a run.
pub fn last() -> PathBuf {
    PathBuf::from(format!("checkpoints/step-{STEPS}.safetensors"))
}

fn partial(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.any(|path| path.to_string_lossy().ends_with(".partial") || path.is_dir() && partial(&path))
}
