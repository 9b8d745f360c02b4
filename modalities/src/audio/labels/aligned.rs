//! The aligned-phones file: one line per utterance, `ID int int int …`, with one class per frame of 10 ms.
//! Van den Oord et al. 2018 published such labels for LibriSpeech, with 41 classes.

use crate::common::files;
use crate::common::folders::composed;
use plasticity_core::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The largest difference between the number of labels and of frames. Aligners drop or add frames at the end.
const TOLERANCE: usize = 4;
/// A bound on class numbers that no set of phones reaches, not even one of triphones.
const CLASSES: u32 = 1 << 16;

/// An aligned-phones file.
pub struct AlignedPhones {
    path: PathBuf,
    lines: HashMap<String, Vec<u32>>,
    classes: u32,
}

impl AlignedPhones {
    /// Reads the file.
    ///
    /// # Errors
    /// If a line is not an ID and whole numbers, an ID comes twice, or the file is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::text(path).map_err(|e| Error::file(path, e))?;
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
            if lines.insert(composed(id), labels).is_some() {
                return Err(wrong(format!("utterance `{id}` appears twice")));
            }
        }
        if classes == 0 {
            return Err(Error::file(path, "has no labels; expected lines of `ID int int …`"));
        }
        Ok(Self { path: path.to_owned(), lines, classes })
    }

    /// The number of classes: one more than the largest class in the file.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// The labels of the `frames` frames of utterance `id`; `None` for a frame without a label. There may be
    /// up to 4 labels more or fewer than frames. Label j belongs to frame j + (frames − labels): missing
    /// labels are `None` at the front, and surplus labels are dropped at the end.
    ///
    /// This is right for the encoder with kernels 10, 8, 4, 4, 4, strides 5, 4, 2, 2, 2 and paddings 2, 2, 2,
    /// 2, 1. Its frame t has its centre at sample 160 t + 20. An aligner's window of 25 ms has its centre at
    /// sample 160 j + 200, so label j is nearest to frame j + 1. For N samples there are (N − 240) / 160 such
    /// windows, one or two fewer than frames. If two are missing, the labels are one frame later than the
    /// nearest frame.
    ///
    /// Source: the code published with Löwe et al. 2019 (`output[-targets.size(0):]` in its
    /// `logistic_regression_phones.py`).
    ///
    /// # Errors
    /// If the utterance has no line, or the numbers differ by more than 4.
    pub fn frames(&self, id: &str, frames: usize) -> Result<Vec<Option<u32>>> {
        let labels = self.lines.get(id).ok_or_else(|| {
            Error::file(
                &self.path,
                format!("no line for utterance `{id}`: remove it from the list of IDs, or align it"),
            )
        })?;
        if labels.len().abs_diff(frames) > TOLERANCE {
            let message = format!(
                "utterance `{id}` has {} labels but {frames} frames of 10 ms: the labels belong to another recording",
                labels.len()
            );
            return Err(Error::file(&self.path, message));
        }
        let missing = frames.saturating_sub(labels.len());
        let labels = labels.iter().copied().map(Some);
        Ok(std::iter::repeat_n(None, missing).chain(labels).take(frames).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_end_with_the_frames_and_surplus_ones_are_left_off() {
        let file = AlignedPhones {
            path: "phones.txt".into(),
            lines: HashMap::from([("a".to_owned(), vec![3, 1, 4, 1, 5])]),
            classes: 6,
        };
        let frames = |frames| file.frames("a", frames).unwrap();
        assert_eq!(frames(6), [None, Some(3), Some(1), Some(4), Some(1), Some(5)]);
        assert_eq!(frames(7)[..3], [None, None, Some(3)]);
        assert_eq!(frames(5), [3, 1, 4, 1, 5].map(Some));
        assert_eq!(frames(3), [3, 1, 4].map(Some));
        assert!(file.frames("a", 10).is_err());
    }

    #[test]
    fn ids_are_the_same_in_either_unicode_form() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\u{308}-1 3 1\n").unwrap();
        let phones = AlignedPhones::read(file.path()).unwrap();
        assert_eq!(phones.frames("\u{e4}-1", 2).unwrap(), [3, 1].map(Some));
    }

    /// Computes the centre of a unit's receptive field, in samples, from the kernels, strides and paddings
    /// below it.
    #[test]
    fn a_label_is_nearest_to_the_frame_after_its_own_number() {
        let layers = [(10, 5, 2), (8, 4, 2), (4, 2, 2), (4, 2, 2), (4, 2, 1)];
        let centre = |frame: i32| {
            layers.iter().rev().fold(f64::from(frame), |centre, &(kernel, stride, padding)| {
                centre * f64::from(stride) - f64::from(padding) + f64::from(kernel - 1) / 2.0
            })
        };
        let label = |label: i32| f64::from(160 * label) + 400.0 / 2.0;
        let nearest = (0..10).min_by_key(|&frame| (centre(frame) - label(3)).abs() as i32);
        assert_eq!((nearest, centre(0).round()), (Some(4), 20.0));
    }
}
