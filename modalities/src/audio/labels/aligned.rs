//! The aligned-phones file: a line per utterance, `ID int int int …`, one class per frame of 10 ms
//! (the labels that van den Oord et al. 2018 published for LibriSpeech: 41 classes).

use plasticity_core::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Aligners drop or add the frames that a window does not fill at the end: the two counts may differ by so many.
const TOLERANCE: usize = 4;
/// More classes than any set of phones (contexts of triphones included) has.
const CLASSES: u32 = 1 << 16;

/// The file, read.
pub struct AlignedPhones {
    path: PathBuf,
    lines: HashMap<String, Vec<u32>>,
    classes: u32,
}

impl AlignedPhones {
    /// Reads the file.
    ///
    /// # Errors
    /// Where a line is not an ID and whole numbers, an ID comes twice, or the file is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let (mut lines, mut classes) = (HashMap::new(), 0);
        for (number, line) in text.lines().enumerate() {
            let wrong = |what: String| Error::file(path, format!("line {}: {what}", number + 1));
            let mut words = line.split_whitespace();
            let Some(id) = words.next() else { continue };
            let labels = words
                .map(|word| match word.parse() {
                    Ok(class) if class < CLASSES => Ok(class),
                    _ => Err(wrong(format!(
                        "expected `ID int int …` with classes below {CLASSES}, got `{word}`"
                    ))),
                })
                .collect::<Result<Vec<u32>>>()?;
            classes = classes.max(labels.iter().max().map_or(0, |class| class + 1));
            if lines.insert(id.to_owned(), labels).is_some() {
                return Err(wrong(format!("utterance `{id}` is there twice")));
            }
        }
        if classes == 0 {
            return Err(Error::file(path, "holds no labels; expected lines of `ID int int …`"));
        }
        Ok(Self { path: path.to_owned(), lines, classes })
    }

    /// How many classes: one more than the largest in the file.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// The labels of `frames` frames of utterance `id`. Up to 4 missing at the end are `None`, up to 4 too many are
    /// left off.
    ///
    /// # Errors
    /// Where the utterance has no line, or the counts differ by more.
    pub fn frames(&self, id: &str, frames: usize) -> Result<Vec<Option<u32>>> {
        let labels = self.lines.get(id).ok_or_else(|| {
            Error::file(
                &self.path,
                format!("no line for utterance `{id}`: take it off the list of IDs, or align it"),
            )
        })?;
        if labels.len().abs_diff(frames) > TOLERANCE {
            let message = format!(
                "utterance `{id}` has {} labels and {frames} frames of 10 ms: they are not of this recording",
                labels.len()
            );
            return Err(Error::file(&self.path, message));
        }
        Ok((0..frames).map(|frame| labels.get(frame).copied()).collect())
    }
}
