//! TIMIT's `.phn` files: lines of `start end phone`, with times in samples and 61 phones.

use super::segments::{Segment, beside};
use crate::audio::RATE;
use crate::common::files;
use plasticity_core::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The 39 classes on which phone recognition on TIMIT is scored, with silence (`sil`).
///
/// Source: Lee & Hon (1989), Table 3. Confusions within a group do not count; closures and pauses are
/// silence.
pub const FOLDED: [&str; 39] = [
    "aa", "ae", "ah", "aw", "ay", "b", "ch", "d", "dh", "dx", "eh", "er", "ey", "f", "g", "hh", "ih", "iy",
    "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "sil", "t", "th", "uh", "uw", "v", "w",
    "y", "z",
];

/// The class of one of TIMIT's 61 phones. `Some(None)` for the glottal stop `q`, which Lee & Hon leave out.
/// `None` if `phone` is not a TIMIT phone.
pub fn fold(phone: &str) -> Option<Option<u32>> {
    let folded = match phone {
        "q" => return Some(None),
        "ao" => "aa",
        "ax" | "ax-h" => "ah",
        "axr" => "er",
        "hv" => "hh",
        "ix" => "ih",
        "el" => "l",
        "em" => "m",
        "en" | "nx" => "n",
        "eng" => "ng",
        "zh" => "sh",
        "ux" => "uw",
        "pcl" | "tcl" | "kcl" | "bcl" | "dcl" | "gcl" | "h#" | "pau" | "epi" => "sil",
        "sil" => return None,
        same => same,
    };
    FOLDED.iter().position(|name| *name == folded).map(|class| Some(class as u32))
}

/// The `.phn` file beside `audio`, and its segments at 16 kHz. The file counts samples of the recording, at
/// `rate` Hz.
///
/// # Errors
/// If there is no such file, or a line is not `start end phone` with one of the 61 phones.
pub fn read(audio: &Path, rate: u32) -> Result<(PathBuf, Vec<Segment>)> {
    let path = beside(audio, &["phn", "PHN"])?;
    let text = files::text(&path).map_err(|e| Error::file(&path, e))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let resampled = f64::from(RATE) / f64::from(rate);
    let segments = lines
        .map(|(number, line)| {
            let wrong = |what: &str| Error::file(&path, format!("line {}: {what}, got `{line}`", number + 1));
            let mut words = line.split_whitespace();
            let (start, end, phone) = (words.next(), words.next(), words.next());
            let sample = |word: Option<&str>| {
                word.and_then(|word| word.parse::<u32>().ok()).map(|sample| f64::from(sample) * resampled)
            };
            match (sample(start), sample(end), phone) {
                (Some(start), Some(end), Some(phone)) => {
                    let phone = fold(phone).ok_or_else(|| wrong("expected one of TIMIT's 61 phones"))?;
                    Ok(Segment { start, end, phone })
                }
                _ => Err(wrong("expected `first-sample last-sample phone`")),
            }
        })
        .collect::<Result<_>>()?;
    Ok((path, segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_61_phones_fold_to_38_and_silence() {
        let all = "aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih \
                   ix iy jh k kcl l m n ng nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh";
        let folded: Vec<_> = all.split_whitespace().map(|phone| fold(phone).unwrap()).collect();
        assert_eq!(folded.len(), 61);
        let classes: std::collections::BTreeSet<_> = folded.into_iter().flatten().collect();
        assert_eq!(classes.len(), FOLDED.len());
        assert_eq!(fold("q"), Some(None));
        assert_eq!(fold("xx"), None);
    }

    /// Lee & Hon (1989), Table 3.
    #[test]
    fn phones_of_a_group_are_one_class() {
        for group in [
            "aa ao",
            "ah ax ax-h",
            "er axr",
            "hh hv",
            "ih ix",
            "l el",
            "m em",
            "n en nx",
            "ng eng",
            "sh zh",
            "uw ux",
            "h# pau epi bcl dcl gcl pcl tcl kcl",
        ] {
            let first = fold(group.split(' ').next().unwrap());
            assert!(matches!(first, Some(Some(_))), "{group}");
            assert!(group.split(' ').all(|phone| fold(phone) == first), "{group}");
        }
    }
}
