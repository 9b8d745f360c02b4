//! A fingerprint of the stimuli for learning.

use plasticity_core::stimulus::Stimulus;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use toml::Value;

/// Folders of up to this many bytes are read completely; of larger folders only a part of each file is read.
const WHOLE: u64 = 64 << 20;
/// Bytes that are read at the start, middle and end of a file in a larger folder.
const PART: usize = 512;
/// The largest number of files of a larger folder whose contents are read.
const MOST: usize = 4096;
/// The key of `[stimulus]` for stimuli that only a probe sees.
const LABELLED: &str = "labelled";
/// Keys of `[stimulus]` whose text is a word: a file or folder with such a name is none of the stimuli.
const WORDS: [&str; 6] = ["type", "learn", "label", "labels", "normalise", "orientation"];

/// A hash of the stimuli: their number, shape and classes, and the names, sizes and contents of the files that `spec`
/// (the config's `[stimulus]`) names. For folders over 64 MiB it uses all names and sizes, and parts of about a
/// thousand files. If no file is named, it uses the first and the last stimulus.
pub fn fingerprint(stimulus: &dyn Stimulus, spec: &Value) -> String {
    let mut hash = Sha256::new();
    let shape = stimulus.shape(1);
    hash.update(format!("{} {shape:?} {:?}\n", stimulus.len(), stimulus.classes()));
    let mut named = Vec::new();
    paths(spec, &mut named);
    for path in &named {
        listing(path, &mut hash);
    }
    if named.is_empty() {
        for index in [0, stimulus.len().saturating_sub(1)] {
            if let Ok(sample) = stimulus.sample(index, None) {
                sample.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
            }
        }
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files and folders that a config's values name, except those of the probe.
fn paths(value: &Value, found: &mut Vec<PathBuf>) {
    match value {
        Value::String(text) if !text.is_empty() && Path::new(text).exists() => found.push(text.into()),
        Value::Array(items) => items.iter().for_each(|item| paths(item, found)),
        Value::Table(table) => {
            let word = |key: &str, value: &Value| WORDS.contains(&key) && value.is_str();
            let named = table.iter().filter(|(key, value)| *key != LABELLED && !word(key, value));
            named.for_each(|(_, value)| paths(value, found));
        }
        _ => {}
    }
}

/// Adds all regular files of a folder, or one file.
fn listing(path: &Path, hash: &mut Sha256) {
    let mut files = Vec::new();
    walk(path, 0, &mut files);
    files.sort();
    let whole = files.iter().map(|(_, size)| size).sum::<u64>() <= WHOLE;
    let stride = if whole { 1 } else { files.len().div_ceil(MOST).max(1) };
    for (index, (file, size)) in files.iter().enumerate() {
        let name = file.strip_prefix(path).unwrap_or(file);
        hash.update(format!("{} {size}\n", name.display()));
        if index % stride == 0 {
            contents(file, *size, whole, hash);
        }
    }
}

/// The largest depth of folders that are searched: no source has deeper ones, and links may form a circle.
const DEEPEST: usize = 12;

fn walk(path: &Path, depth: usize, files: &mut Vec<(PathBuf, u64)>) {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => files.push((path.to_owned(), found.len())),
        Ok(found) if found.is_dir() && depth < DEEPEST => {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            entries.for_each(|entry| walk(&entry.path(), depth + 1, files));
        }
        _ => {}
    }
}

/// Adds a file's bytes, or a part of them. A file that cannot be read is skipped here; learning from it gives the
/// error.
fn contents(file: &Path, size: u64, whole: bool, hash: &mut Sha256) {
    let Ok(mut open) = File::open(file) else { return };
    if whole {
        let _ = std::io::copy(&mut open, hash);
        return;
    }
    let mut part = [0; PART];
    for at in [0, size / 2, size.saturating_sub(PART as u64)] {
        if let Ok(read) = open.seek(SeekFrom::Start(at)).and_then(|_| open.read(&mut part)) {
            hash.update(&part[..read]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &Path) -> Vec<u8> {
        let mut hash = Sha256::new();
        listing(folder, &mut hash);
        hash.finalize().to_vec()
    }

    #[test]
    fn a_file_added_replaced_renamed_or_removed_changes_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::create_dir(file("class")).unwrap();
        std::fs::write(file("class/a"), "one").unwrap();
        let before = of(folder.path());
        assert_eq!(before, of(folder.path()));
        std::fs::write(file("class/b"), "two").unwrap();
        let added = of(folder.path());
        std::fs::write(file("class/b"), "six").unwrap();
        let replaced = of(folder.path());
        std::fs::rename(file("class/b"), file("class/c")).unwrap();
        let renamed = of(folder.path());
        std::fs::remove_file(file("class/c")).unwrap();
        assert!(before != added && added != replaced && replaced != renamed);
        assert_eq!(before, of(folder.path()));
    }

    #[test]
    fn paths_of_the_probe_are_not_learned_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let spec = format!(
            "source = {{ path = \"{path}\" }}\nlabelled = {{ train = \"{path}\" }}\ntype = \"images\""
        );
        let mut found = Vec::new();
        paths(&Value::Table(spec.parse().unwrap()), &mut found);
        assert_eq!(found, [folder.path()]);
    }

    #[test]
    fn words_are_no_paths() {
        // There is a folder `src` in the working folder.
        let found = |spec: &str| {
            let mut found = Vec::new();
            paths(&Value::Table(spec.parse().unwrap()), &mut found);
            found
        };
        assert_eq!(found("learn = { type = \"src\", path = \"src\" }"), [Path::new("src")]);
        for key in WORDS {
            assert!(found(&format!("{key} = \"src\"")).is_empty(), "{key}");
        }
    }
}
