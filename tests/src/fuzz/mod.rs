//! Formats on any bytes: whatever a file holds, reading it gives a value or an error, and no panic. `fuzz/` has a target of
//! each for `cargo fuzz`; `tests/tests/fuzz.rs` replays the corpus, and mutations of it, on stable Rust.

mod corpus;
mod mutate;

pub use corpus::corpus;
pub use mutate::mutated;

use plasticity_core::Error;
use plasticity_core::device::Device;
use plasticity_core::random::stream;
use plasticity_core::stimulus::{Split, StimulusSpec};
use plasticity_lab::checkpoint::Checkpoint;
use plasticity_lab::config::Config;
use plasticity_lab::verify;
use std::path::{Path, PathBuf};

/// The formats.
pub const TARGETS: [&str; 14] = [
    "config",
    "case",
    "checkpoint",
    "phn",
    "textgrid",
    "labels",
    "stl10",
    "cifar10",
    "lists",
    "wav",
    "flac",
    "jpeg",
    "png",
    "avi",
];

/// A folder that a format's files are written into and read from, again and again.
pub struct Reader {
    folder: tempfile::TempDir,
    target: String,
}

impl Reader {
    /// A reader of one of [`TARGETS`].
    ///
    /// # Errors
    /// Where there is no such target, or no folder can be made.
    pub fn new(target: &str) -> Result<Self, Error> {
        if !TARGETS.contains(&target) {
            return Err(Error::config(
                "target",
                plasticity_core::registry::unknown("target", target, &TARGETS),
            ));
        }
        let folder = tempfile::tempdir().map_err(|error| Error::file("temporary folder", error))?;
        Ok(Self { folder, target: target.to_owned() })
    }

    /// Reads `bytes` as a file of the format, to the end of what learning and probing do with it.
    ///
    /// # Errors
    /// What the format says of the file.
    pub fn read(&self, bytes: &[u8]) -> Result<(), Error> {
        match self.target.as_str() {
            "config" => Config::parse(&String::from_utf8_lossy(bytes), "config.toml").map(drop),
            "case" => verify::reference(&self.write("case.safetensors", bytes)?, &Device::open()?).map(drop),
            "checkpoint" => Checkpoint::load(&self.write("step-7.safetensors", bytes)?).map(drop),
            "wav" => self.speech(bytes, "wav", "none", None),
            "flac" => self.speech(bytes, "flac", "none", None),
            "phn" => self.speech(&corpus("wav")[0], "wav", "phn", Some(bytes)),
            "textgrid" => self.speech(&corpus("wav")[0], "wav", "textgrid", Some(bytes)),
            "labels" => self.labels(bytes),
            "stl10" => {
                self.write("unlabeled_X.bin", bytes)?;
                self.write("train_X.bin", &vec![7; 2 * 96 * 96 * 3])?;
                self.write("train_y.bin", &bytes[..bytes.len().min(2)])?;
                self.images("stl10", &[Split::Learn, Split::ProbeTrain])
            }
            "cifar10" => {
                for batch in 1..=5 {
                    self.write(&format!("data_batch_{batch}.bin"), bytes)?;
                }
                self.images("cifar10", &[Split::Learn])
            }
            "jpeg" => {
                self.write("a.jpg", bytes)?;
                self.images("folder", &[Split::Learn])
            }
            "png" => {
                self.write("a.png", bytes)?;
                self.images("folder", &[Split::Learn])
            }
            "lists" => {
                self.write("lists/trainlist01.txt", bytes)?;
                self.write("lists/testlist01.txt", b"Wave/v_Wave_g02_c01.avi\n")?;
                self.write("lists/classInd.txt", b"1 Wave\n2 Jump\n")?;
                self.clips("frames", &format!("lists = {}", quoted(&self.path("lists"))))
            }
            _ => {
                self.write("Wave/v_Wave_g01_c01.avi", bytes)?;
                // A program that makes no frame: what is tried is our own reading of headers.
                self.clips("ucf101", "train_groups = [1]\ntest_groups = [2]\nffmpeg = \"true\"")
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.path(name);
        let made =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
        made.map(|()| path.clone()).map_err(|error| Error::file(&path, error))
    }

    fn speech(&self, audio: &[u8], ending: &str, labels: &str, beside: Option<&[u8]>) -> Result<(), Error> {
        self.write(&format!("speech/ann/a.{ending}"), audio)?;
        if let Some(beside) = beside {
            let ending = if labels == "textgrid" { "TextGrid" } else { "phn" };
            self.write(&format!("speech/ann/a.{ending}"), beside)?;
        }
        let learn = format!(
            "{{ type = \"recordings\", path = {}, labels = \"{labels}\" }}",
            quoted(&self.path("speech"))
        );
        stimuli(&format!("type = \"speech\"\nwindow = 320\nlearn = {learn}\n"), &[Split::Learn])
    }

    fn labels(&self, bytes: &[u8]) -> Result<(), Error> {
        self.write("corpus/1/1/1-1-0001.wav", &corpus("wav")[0])?;
        let file = self.write("phones.txt", bytes)?;
        let learn = format!(
            "{{ type = \"librispeech\", path = {}, phones = {} }}",
            quoted(&self.path("corpus")),
            quoted(&file)
        );
        stimuli(&format!("type = \"speech\"\nwindow = 320\nlearn = {learn}\n"), &[Split::Learn])
    }

    fn images(&self, source: &str, splits: &[Split]) -> Result<(), Error> {
        let path = quoted(self.folder.path());
        stimuli(
            &format!("type = \"images\"\ncrop = 4\nsource = {{ type = \"{source}\", path = {path} }}\n"),
            splits,
        )
    }

    fn clips(&self, source: &str, keys: &str) -> Result<(), Error> {
        std::fs::create_dir_all(self.path("Wave")).map_err(|error| Error::file(self.path("Wave"), error))?;
        let path = quoted(self.folder.path());
        let text = format!(
            "type = \"clips\"\nevery = 1\nframes = 1\nsize = 4\n[source]\ntype = \"{source}\"\npath = {path}\n{keys}\n"
        );
        stimuli(&text, &[Split::Learn])
    }
}

/// A path as TOML has it.
fn quoted(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

/// Opens stimuli and makes the first and the last, plain and augmented.
fn stimuli(text: &str, splits: &[Split]) -> Result<(), Error> {
    let table: toml::Table = text.parse().map_err(|error| Error::config("stimulus", format!("{error}")))?;
    let spec: Box<dyn StimulusSpec> =
        table.try_into().map_err(|error| Error::config("stimulus", format!("{error}")))?;
    for split in splits {
        let stimulus = spec.open(*split, 1)?;
        for index in [0, stimulus.len().saturating_sub(1)] {
            stimulus.sample(index, None)?;
            stimulus.sample(index, Some(&mut stream(1, &[index as u64])))?;
        }
    }
    Ok(())
}
