//! Praat TextGrids as the Montreal Forced Aligner writes them: the interval tier `phones`, in ARPABET.

use super::segments::{Segment, beside};
use crate::audio::RATE;
use crate::common::files;
use plasticity_core::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The 39 phones of the CMU Pronouncing Dictionary, then silence.
pub const PHONES: [&str; 40] = [
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
    "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
    "Z", "ZH", "sil",
];

/// The class of a label. Stress digits are ignored. An empty label, `sil` and `sp` are silence. `Some(None)`
/// for `spn` (an unknown word), which has no class. `None` if the label is not an ARPABET phone.
pub fn class(label: &str) -> Option<Option<u32>> {
    let phone = label.trim().trim_end_matches(|c: char| c.is_ascii_digit());
    let name = match phone {
        "" | "sil" | "sp" | "SIL" => "sil",
        "spn" => return Some(None),
        other => other,
    };
    PHONES.iter().position(|known| *known == name).map(|class| Some(class as u32))
}

/// The TextGrid beside `audio`, and the segments of its tier `phones`.
///
/// # Errors
/// If there is no such file or tier, if two tiers have phones (of two speakers), if the file is not a
/// TextGrid, or if a label is not ARPABET.
pub fn read(audio: &Path) -> Result<(PathBuf, Vec<Segment>)> {
    let path = beside(audio, &["TextGrid", "textgrid"])?;
    let text = files::text(&path).map_err(|e| Error::file(&path, e))?;
    let segments = parse(&text).map_err(|message| Error::file(&path, message))?;
    Ok((path, segments))
}

/// A value of a TextGrid in its long or short form: a text in quotes, or a number that stands alone. Praat
/// too takes everything else (`xmin =`, `intervals [1]:`) as a comment.
#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
}

fn values(text: &str) -> Vec<Value> {
    let (mut values, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            // A quote inside a text is written twice.
            let (mut content, mut after) = (String::new(), quoted);
            loop {
                let Some((part, more)) = after.split_once('"') else { return values };
                content.push_str(part);
                after = more;
                match more.strip_prefix('"') {
                    Some(more) => {
                        content.push('"');
                        after = more;
                    }
                    None => break,
                }
            }
            values.push(Value::Text(content));
            rest = after;
        } else if first.is_whitespace() {
            rest = rest.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, more) = rest.split_at(end);
            if let Ok(number) = word.parse() {
                values.push(Value::Number(number));
            }
            rest = more;
        }
    }
    values
}

fn parse(text: &str) -> Result<Vec<Segment>, String> {
    let values = values(text);
    let is_grid = matches!(values.get(1), Some(Value::Text(class)) if class == "TextGrid");
    if !is_grid {
        return Err("is not a Praat TextGrid".to_owned());
    }
    // A tier has class, name, start, end and count, then `start end text` for each interval or `time text`
    // for each point.
    let mut at = 2;
    let (mut tiers, mut phones) = (Vec::new(), None);
    while at < values.len() {
        let [Value::Text(class), Value::Text(name), Value::Number(_), Value::Number(_), Value::Number(count)] =
            values.get(at..at + 5).unwrap_or_default()
        else {
            at += 1;
            continue;
        };
        let width = if class == "IntervalTier" { 3 } else { 2 };
        let count = *count as usize;
        let body = count
            .checked_mul(width)
            .and_then(|len| values.get(at + 5..(at + 5).checked_add(len)?))
            .ok_or_else(|| format!("tier `{name}` must have {count} entries: the file is incomplete"))?;
        at += 5 + body.len();
        if let Some(Value::Number(_)) = values.get(at) {
            return Err(format!("tier `{name}` has more entries than the {count} that it gives as its size"));
        }
        tiers.push(name.as_str());
        let is_phones = name == "phones" || name.ends_with(" - phones");
        if class == "IntervalTier"
            && is_phones
            && let Some((first, _)) = phones.replace((name, body))
        {
            return Err(format!(
                "tiers `{first}` and `{name}` both have phones, but a frame has one label: make a separate \
                 recording and TextGrid for each speaker"
            ));
        }
    }
    let (_, phones) =
        phones.ok_or_else(|| format!("no interval tier `phones`, only: {}", tiers.join(", ")))?;
    // A TextGrid cut from a longer recording keeps its times, but its audio begins at 0.
    let begin = match values.get(2) {
        Some(Value::Number(begin)) => *begin,
        _ => return Err("has no start time (`xmin`)".to_owned()),
    };
    phones.chunks_exact(3).map(|entry| segment(entry, begin)).collect()
}

fn segment(entry: &[Value], begin: f64) -> Result<Segment, String> {
    let [Value::Number(start), Value::Number(end), Value::Text(label)] = entry else {
        return Err(format!("expected an interval of tier `phones`, got {entry:?}"));
    };
    let phone = class(label).ok_or_else(|| {
        format!(
            "`{label}` is not an ARPABET phone: align with the Montreal Forced Aligner's `english_us_arpa`"
        )
    })?;
    let rate = f64::from(RATE);
    Ok(Segment { start: (start - begin) * rate, end: (end - begin) * rate, phone })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = r#"File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "say ""a"""
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.2
            text = "EY1"
        intervals [2]:
            xmin = 0.2
            xmax = 0.5
            text = ""
"#;

    #[test]
    fn both_forms_of_the_file_are_read() {
        let short = "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n0\n0.5\n<exists>\n1\n\"IntervalTier\"\n\
                     \"phones\"\n0\n0.5\n2\n0\n0.2\n\"EY1\"\n0.2\n0.5\n\"\"\n";
        let expected = [
            Segment { start: 0.0, end: 3200.0, phone: class("EY").unwrap() },
            Segment { start: 3200.0, end: 8000.0, phone: class("sil").unwrap() },
        ];
        assert_eq!(parse(LONG).unwrap(), expected);
        assert_eq!(parse(short).unwrap(), expected);
    }

    #[test]
    fn times_count_from_where_the_grid_begins() {
        let mut later = LONG.to_owned();
        for (time, shifted) in [("= 0.2\n", "= 7.45\n"), ("= 0.5\n", "= 7.75\n"), ("= 0\n", "= 7.25\n")] {
            later = later.replace(time, shifted);
        }
        for (segment, expected) in parse(&later).unwrap().iter().zip(parse(LONG).unwrap()) {
            approx::assert_abs_diff_eq!(segment.start, expected.start, epsilon = 1e-6);
            approx::assert_abs_diff_eq!(segment.end, expected.end, epsilon = 1e-6);
        }
    }

    #[test]
    fn one_speaker_is_read_and_two_are_refused() {
        let one = LONG.replace("\"phones\"", "\"eve - phones\"");
        assert_eq!(parse(&one).unwrap(), parse(LONG).unwrap());
        let both = one.replace("\"words\"", "\"adam - phones\"").replace("say \"\"a\"\"", "EY1");
        let error = parse(&both).unwrap_err();
        assert!(error.contains("`adam - phones` and `eve - phones`"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        assert!(parse("hello").unwrap_err().contains("not a Praat TextGrid"));
        assert!(parse(&LONG.replace("\"phones\"", "\"fones\"")).unwrap_err().contains("only: words, fones"));
        assert!(parse(&LONG.replace("EY1", "ɛ")).unwrap_err().contains("ARPABET"));
        assert!(parse(&LONG[..LONG.len() - 90]).is_err());
        let fewer =
            parse(&LONG.replace("size = 2\n        intervals [1]", "size = 1\n        intervals [1]"));
        assert!(fewer.unwrap_err().contains("tier `phones` has more entries than the 1"));
        assert!(
            parse(&LONG.replace("size = 2\n        intervals [1]", "size = 9e18\n intervals [1]")).is_err()
        );
    }
}
