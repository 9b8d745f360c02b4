//! Files that are skipped because they have another type.

use super::folders::name;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The extensions of common files beside stimuli: texts, tables, labels and system files.
const COMPANIONS: &[&str] = &[
    "txt", "md", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "yaml", "yml", "toml", "ini", "db",
    "log", "py", "mat", "npy", "npz", "pdf", "phn", "wrd", "textgrid", "lab", "url",
];

/// The most folders that a warning names.
const FOLDERS: usize = 20;

/// The number of files of other types, by folder and type.
#[derive(Debug, Default)]
pub struct Others(BTreeMap<String, BTreeMap<String, usize>>);

impl Others {
    /// Counts a file in `folder`, unless it is of a type that is common beside stimuli.
    pub fn count(&mut self, folder: &Path, file: &Path) {
        let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if COMPANIONS.contains(&ending.as_str()) {
            return;
        }
        let kind = if ending.is_empty() { "without an extension".to_owned() } else { format!(".{ending}") };
        *self.0.entry(name(folder)).or_default().entry(kind).or_default() += 1;
    }

    /// The text of the warning.
    fn message(&self, place: &Path, read: &[&str]) -> Option<String> {
        let all: usize = self.0.values().flat_map(BTreeMap::values).sum();
        let folder = |(folder, kinds): (&String, &BTreeMap<String, usize>)| {
            let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            format!("{folder}: {}", kinds.join(", "))
        };
        let mut folders: Vec<_> = self.0.iter().take(FOLDERS).map(folder).collect();
        if self.0.len() > FOLDERS {
            folders.push(format!("and {} more folders", self.0.len() - FOLDERS));
        }
        (all > 0).then(|| {
            format!(
                "{}: {all} files of other types are skipped ({}); only .{} are read",
                place.display(),
                folders.join("; "),
                read.join(", .")
            )
        })
    }

    /// Warns of the files. The same warning is logged once per process.
    pub fn warn(&self, place: &Path, read: &[&str]) {
        static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        if let Some(message) = self.message(place, read)
            && SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone())
        {
            tracing::warn!("{message}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_are_counted_by_folder_and_companions_are_not() {
        let (mut others, place) = (Others::default(), Path::new("train"));
        assert_eq!(others.message(place, &["png"]), None);
        for file in ["1.heic", "2.HEIC", "3.avif", "4", "notes.txt", "Thumbs.db", "5.sph"] {
            others.count(Path::new("train/disc"), Path::new(file));
        }
        others.count(Path::new("train/bar"), Path::new("1.avif"));
        let expected = "train: 6 files of other types are skipped (bar: 1 .avif; disc: 1 .avif, 2 .heic, 1 \
            .sph, 1 without an extension); only .jpg, .png are read";
        assert_eq!(others.message(place, &["jpg", "png"]).as_deref(), Some(expected));
    }
}
