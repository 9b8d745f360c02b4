//! The order of a clip's frames, from their names.

use crate::common::folders::name;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// A whole number of any length: its number of digits and its digits without leading zeros. So `2` is before
/// `10`, and `007` equals `7`.
type Number = (usize, String);

/// The numbers in a name, and its text with `#` for each number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    numbers: Vec<Number>,
    text: String,
}

/// Sorts frames by the numbers in their names, at any place in the names.
///
/// # Errors
/// If the names do not give an order:
///
/// - their texts differ, or two names have the same numbers;
/// - a number after a point (`1.5`) has different lengths, so it may be a fraction;
/// - a later number takes consecutive whole numbers without a gap in another order, and the first number that
///   varies does not.
pub fn order(folder: &Path, frames: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut named: Vec<_> = frames.into_iter().map(|path| (Name::of(&path), path)).collect();
    named.sort();
    let untold = |why: &str, one: &Path, other: &Path| {
        let message = format!(
            "the names of its frames do not give their order: `{}` and `{}` {why}; use one number in each name, \
             such as image_00001.jpg, and remove files that are not frames",
            name(one),
            name(other)
        );
        Error::file(folder, message)
    };
    for pair in named.windows(2) {
        let [(one, path), (other, next)] = pair else { continue };
        if one.text != other.text {
            return Err(untold("differ in more than numbers", path, next));
        }
        if one.numbers == other.numbers {
            return Err(untold("have the same numbers", path, next));
        }
    }
    if let Some((first, path)) = named.first() {
        for (other, next) in &named {
            if first.fractions_differ(other, path, next) {
                return Err(untold("may be fractions of different length", path, next));
            }
        }
    }
    let numbers: Vec<_> = named.iter().map(|(name, _)| &name.numbers[..]).collect();
    if let Some(place) = other_order(&numbers) {
        return Err(untold(
            "have two numbers that give different orders",
            &named[place].1,
            &named[place + 1].1,
        ));
    }
    Ok(named.into_iter().map(|(_, path)| path).collect())
}

/// Looks for a later number that takes consecutive whole numbers, if the first that varies does not. Returns
/// the place where the order of the later number differs.
fn other_order(sorted: &[&[Number]]) -> Option<usize> {
    let columns = sorted.first().map_or(0, |numbers| numbers.len());
    let column = |at: usize| -> Option<Vec<u128>> {
        let value = |numbers: &&[Number]| match numbers[at].1.as_str() {
            "" => Some(0),
            digits => digits.parse().ok(),
        };
        sorted.iter().map(value).collect()
    };
    let varies = |at: &usize| sorted.windows(2).any(|pair| pair[0][*at] != pair[1][*at]);
    let runs = |values: &[u128]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.windows(2).all(|pair| pair[0] + 1 == pair[1])
    };
    let mut varying = (0..columns).filter(varies);
    let first = varying.next()?;
    if column(first).is_some_and(|values| runs(&values)) {
        return None;
    }
    let later = varying.filter_map(column).find(|values| runs(values))?;
    later.windows(2).position(|pair| pair[0] > pair[1])
}

/// The texts and the runs of digits in a name without its ending, alternately. The first is a text.
fn parts(path: &Path) -> Vec<String> {
    let (mut parts, mut digits) = (vec![String::new()], false);
    for c in name(&path.with_extension("")).chars() {
        if c.is_ascii_digit() != digits {
            digits = !digits;
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    parts
}

impl Name {
    fn of(path: &Path) -> Self {
        let parts = parts(path);
        let text: Vec<_> = parts.iter().step_by(2).map(String::as_str).collect();
        let number = |digits: &String| {
            let digits = digits.trim_start_matches('0').to_owned();
            (digits.len(), digits)
        };
        Self { numbers: parts.iter().skip(1).step_by(2).map(number).collect(), text: text.join("#") }
    }

    /// Whether a number after another number and a point differs between the names and has different lengths.
    fn fractions_differ(&self, other: &Self, path: &Path, next: &Path) -> bool {
        let (ours, theirs) = (parts(path), parts(next));
        (1..self.numbers.len().min(other.numbers.len())).any(|i| {
            let (text, at) = (2 * i, 2 * i + 1);
            ours[text] == "." && self.numbers[i] != other.numbers[i] && ours[at].len() != theirs[at].len()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(names: &[&str]) -> Result<Vec<String>, String> {
        let paths = names.iter().map(|name| Path::new("clip").join(name)).collect();
        let ordered = order(Path::new("clip"), paths).map_err(|error| error.to_string())?;
        Ok(ordered.iter().map(|path| name(path)).collect())
    }

    #[test]
    fn numbers_count_wherever_they_stand_and_of_any_length() {
        for names in [
            ["img_1_rgb.png", "img_2_rgb.png", "img_10_rgb.png"],
            ["frame_1.0.png", "frame_2.0.png", "frame_10.0.png"],
            ["f-1 (1).png", "f-1 (2).png", "f-1 (10).png"],
            ["Frame2.PNG", "frame09.png", "FRAME10.jpg"],
            ["2.png", "10.png", "099999999999999999999999999.png"],
            ["t1_f9.png", "t1_f10.png", "t2_f1.png"],
            ["clip.1.png", "clip.2.png", "clip.10.png"],
            ["s_0.033.png", "s_0.066.png", "s_1.000.png"],
            ["00-58.png", "00-59.png", "01-00.png"],
            ["1_of_3.png", "2_of_2.png", "3_of_1.png"],
        ] {
            let [first, second, third] = names;
            assert_eq!(ordered(&[third, first, second]).unwrap(), names);
        }
        assert_eq!(ordered(&["only.png"]).unwrap(), ["only.png"]);
    }

    #[test]
    fn names_that_do_not_tell_are_an_error() {
        for (names, why) in [
            (["a_1.png", "b_1.png"], "more than numbers"),
            (["f.png", "f 1.png"], "more than numbers"),
            (["1.png", "01.jpg"], "same numbers"),
            (["s_0.1.png", "s_0.033.png"], "fractions"),
            (["7919_2.png", "5831_3.png"], "two numbers that give different orders"),
        ] {
            let error = ordered(&names).unwrap_err();
            assert!(error.contains("clip: ") && error.contains(why), "{error}");
        }
    }
}
