//! UCF-101's official split lists.

use super::division::group;
use crate::common::files;
use crate::common::folders::composed;
use plasticity_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A clip that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its class.
    pub class: String,
    /// Its name without `.avi`.
    pub name: String,
    /// Its class as an index into [`Lists::classes`].
    pub label: u32,
}

/// One official split.
#[derive(Clone, Debug)]
pub struct Lists {
    /// Classes in the order of `classInd.txt`.
    pub classes: Vec<String>,
    /// Clips of `trainlistNN.txt`.
    pub train: Vec<Listed>,
    /// Clips of `testlistNN.txt`.
    pub test: Vec<Listed>,
}

/// Reads `classInd.txt`, `trainlistNN.txt` and `testlistNN.txt` from `folder`.
///
/// # Errors
/// Where a file is missing or a line is not of its form, or a class has a group on both sides.
pub fn read(folder: &Path, split: u32) -> Result<Lists> {
    let index = folder.join("classInd.txt");
    let mut classes = Vec::new();
    for (line, text) in lines(&index)? {
        let name = text.split_whitespace().nth(1).ok_or_else(|| {
            Error::file(&index, format!("line {line}: expected a number and a class, got `{text}`"))
        })?;
        classes.push(name.to_owned());
    }
    let labels: BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let side = |kind: &str| -> Result<Vec<Listed>> {
        let path = folder.join(format!("{kind}list{split:02}.txt"));
        lines(&path)?.into_iter().map(|(line, text)| entry(&path, line, &text, &labels)).collect()
    };
    let (train, test) = (side("train")?, side("test")?);
    apart(folder, &train, &test)?;
    Ok(Lists { classes, train, test })
}

/// `Class/v_Class_gNN_cNN.avi`, in train lists followed by the class's number.
fn entry(path: &Path, line: usize, text: &str, labels: &BTreeMap<&str, u32>) -> Result<Listed> {
    let wrong = |expected: &str| Error::file(path, format!("line {line}: expected {expected}, got `{text}`"));
    let file = text.split_whitespace().next().unwrap_or_default();
    let (class, name) = file.split_once('/').ok_or_else(|| wrong("Class/v_Class_g01_c01.avi"))?;
    let label = *labels.get(class).ok_or_else(|| wrong("a class that classInd.txt names"))?;
    let name = name.strip_suffix(".avi").unwrap_or(name);
    if group(name).is_none() {
        return Err(wrong("a clip name such as v_Class_g01_c01.avi"));
    }
    Ok(Listed { class: class.to_owned(), name: name.to_owned(), label })
}

/// Checks that no group of a class is on both sides.
fn apart(folder: &Path, train: &[Listed], test: &[Listed]) -> Result<()> {
    let groups: BTreeSet<_> = train.iter().map(|entry| (&entry.class, group(&entry.name))).collect();
    match test.iter().find(|entry| groups.contains(&(&entry.class, group(&entry.name)))) {
        None => Ok(()),
        Some(entry) => {
            let message = format!(
                "the group of {}/{} is in the train list and in the test list; clips of one group are very \
                 similar, so each group must be on one side only",
                entry.class, entry.name
            );
            Err(Error::file(folder, message))
        }
    }
}

/// Lines that are not empty, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, String)>> {
    let text = files::text(path).map_err(|error| {
        let message =
            format!("{error}; expected UCF-101's official lists (UCF101TrainTestSplits-RecognitionTask.zip)");
        Error::file(path, message)
    })?;
    let lines = text.lines().zip(1..).map(|(text, line)| (line, composed(text.trim())));
    Ok(lines.filter(|(_, text)| !text.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(train: &str, test: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("classInd.txt", "1 Bend\r\n2 Wave\r\n");
        write("trainlist01.txt", train);
        write("testlist01.txt", test);
        folder
    }

    #[test]
    fn official_lists_are_read() {
        let folder =
            folder("Wave/v_Wave_g08_c01.avi 2\nBend/v_Bend_g09_c02.avi 1\n\n", "Bend/v_Bend_g01_c01.avi\n");
        let lists = read(folder.path(), 1).unwrap();
        assert_eq!(lists.classes, ["Bend", "Wave"]);
        assert_eq!(lists.train[0].label, 1);
        assert_eq!(lists.test[0].name, "v_Bend_g01_c01");
        let error = read(folder.path(), 2).unwrap_err().to_string();
        assert!(error.contains("trainlist02.txt"), "{error}");
    }

    #[test]
    fn a_group_on_both_sides_is_an_error() {
        let folder = folder("Bend/v_Bend_g01_c02.avi 1\n", "Bend/v_Bend_g01_c01.avi\n");
        let error = read(folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("Bend/v_Bend_g01_c01") && error.contains("one side"), "{error}");
    }

    #[test]
    fn a_line_of_another_form_is_an_error_with_its_number() {
        for line in ["nonsense", "Jump/v_Jump_g01_c01.avi 3", "Bend/clip.avi 1"] {
            let folder = folder(&format!("Bend/v_Bend_g02_c02.avi 1\n{line}\n"), "");
            let error = read(folder.path(), 1).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
