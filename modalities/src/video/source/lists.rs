//! UCF-101's official split lists.

use super::division::group;
use crate::common::files;
use crate::common::folders::composed;
use plasticity_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A clip in a list.
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
/// If a file is missing, if a line has another form, or if a group of a class is on both sides.
pub fn read(folder: &Path, split: u32) -> Result<Lists> {
    let index = folder.join("classInd.txt");
    let (mut classes, mut labels) = (Vec::new(), BTreeMap::new());
    for (line, text) in lines(&index)? {
        let wrong = |what: &str| Error::file(&index, format!("line {line}: {what}, got `{text}`"));
        let mut words = text.split_whitespace();
        let number = words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(number), Some(name)) = (number, words.next()) else {
            return Err(wrong("expected a number and a class"));
        };
        if labels.insert(name.to_owned(), (classes.len() as u32, number)).is_some() {
            return Err(wrong("the class appears twice"));
        }
        classes.push(name.to_owned());
    }
    let side = |kind: &str| -> Result<Vec<Listed>> {
        let path = folder.join(format!("{kind}list{split:02}.txt"));
        let mut known = BTreeSet::new();
        let entries = lines(&path)?.into_iter().map(|(line, text)| {
            let entry = entry(&path, line, &text, &labels)?;
            if known.insert((entry.label, entry.name.clone())) {
                return Ok(entry);
            }
            Err(Error::file(&path, format!("line {line}: the clip is listed before, got `{text}`")))
        });
        entries.collect()
    };
    let (train, test) = (side("train")?, side("test")?);
    apart(folder, &train, &test)?;
    Ok(Lists { classes, train, test })
}

/// Reads a line `Class/v_Class_gNN_cNN.avi`. In train lists the number of the class follows. `labels` has the
/// index and the number of each class.
fn entry(path: &Path, line: usize, text: &str, labels: &BTreeMap<String, (u32, u32)>) -> Result<Listed> {
    let wrong = |expected: &str| Error::file(path, format!("line {line}: expected {expected}, got `{text}`"));
    let mut words = text.split_whitespace();
    let file = words.next().unwrap_or_default();
    let (class, name) = file.split_once('/').ok_or_else(|| wrong("Class/v_Class_g01_c01.avi"))?;
    let (label, number) = *labels.get(class).ok_or_else(|| wrong("a class that classInd.txt names"))?;
    if words.next().is_some_and(|told| told.parse() != Ok(number)) {
        return Err(wrong(&format!("the number of the class in classInd.txt, {number}, after the clip")));
    }
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
    fn a_number_that_is_not_that_of_the_class_is_an_error() {
        let folder = folder("Wave/v_Wave_g08_c01.avi 1\n", "");
        let error = read(folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("classInd.txt, 2"), "{error}");
        std::fs::write(folder.path().join("classInd.txt"), "1 Bend\n2 Bend\n").unwrap();
        let error = read(folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("twice"), "{error}");
    }

    #[test]
    fn a_clip_that_is_listed_twice_is_an_error() {
        let folder = folder("Bend/v_Bend_g08_c01.avi 1\nBend/v_Bend_g08_c01.avi 1\n", "");
        let error = read(folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("line 2: the clip is listed before"), "{error}");
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
