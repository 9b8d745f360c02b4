//! The range of a config key: the values that it may have. It is written next to the key and read strictly.
//!
//! ```text
//! range   = choice { "|" choice }
//! choice  = number [unit] | list | table | "true" | "false" | "text" | "file" | "folder" | "any" | "a" FAMILY | WORD
//! number  = "number" | ("<" | "≤" | ">" | "≥") N | ("[" | "(") N "," N ("]" | ")")       real and finite
//!         | N ".." | N "..=" N | N                                                       whole
//! list    = ("list" | N) "of" choice
//! table   = "{" KEY "=" range { "," KEY "=" range } "}"
//! ```
//!
//! A `WORD` is one of the texts that a config may give, in quotes (`shared | blocked`). `a score` is a plugin of
//! this family.

use crate::registry::Family;
use std::fmt;
use std::ops::Bound;

mod read;

/// The values that a key may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// Any value; the reader of the value checks it.
    Any,
    /// Any text, with its meaning (`text`, `file`, `folder`).
    Text(&'static str),
    /// Only this text.
    Word(String),
    /// True, or false.
    Flag(bool),
    /// A number within bounds.
    Number(Numbers),
    /// A list of values of one range, with a given length or any.
    List(Option<usize>, Box<Range>),
    /// A table of these keys.
    Table(Vec<(String, Range)>),
    /// A plugin of this family.
    Plugin(Family),
    /// Any of these.
    Either(Vec<Range>),
}

/// Numbers between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Whether only whole numbers are allowed.
    pub whole: bool,
    /// The least, if any.
    pub low: Bound<f64>,
    /// The largest, if any.
    pub high: Bound<f64>,
    /// The unit, for readers.
    pub unit: String,
}

impl Numbers {
    /// Whether a number is within both bounds. Real numbers are checked as `f32`: a value that is infinite or rounds
    /// to an excluded bound there is outside, and so is NaN.
    pub fn hold(&self, value: f64) -> bool {
        if self.whole {
            return value.fract() == 0.0 && above(self.low, value) && below(self.high, value);
        }
        let narrow = |value: &f64| f64::from(*value as f32);
        let value = narrow(&value);
        let (low, high) = (self.low.as_ref().map(narrow), self.high.as_ref().map(narrow));
        value.is_finite() && above(low, value) && below(high, value)
    }
}

fn above(bound: Bound<f64>, value: f64) -> bool {
    match bound {
        Bound::Included(low) => value >= low,
        Bound::Excluded(low) => value > low,
        Bound::Unbounded => true,
    }
}

fn below(bound: Bound<f64>, value: f64) -> bool {
    match bound {
        Bound::Included(high) => value <= high,
        Bound::Excluded(high) => value < high,
        Bound::Unbounded => true,
    }
}

impl Range {
    /// Reads a range.
    ///
    /// # Errors
    /// The error says where the text leaves the grammar.
    pub fn parse(text: &str) -> Result<Self, String> {
        read::range(text)
    }

    /// Its choices; a range without alternatives is its only choice.
    pub fn choices(&self) -> &[Self] {
        match self {
            Self::Either(choices) => choices,
            one => std::slice::from_ref(one),
        }
    }
}

impl fmt::Display for Numbers {
    /// In words: "a number > 0", "a whole number of at least 1 (pixels)".
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(if self.whole { "a whole number" } else { "a number" })?;
        match (self.low, self.high) {
            (Bound::Unbounded, Bound::Unbounded) => {}
            (Bound::Included(low), Bound::Unbounded) if self.whole => write!(f, " of at least {low}")?,
            (Bound::Included(low), Bound::Included(high)) if self.whole && low == high => {
                write!(f, " {low}")?
            }
            (Bound::Included(low), Bound::Included(high)) if self.whole => write!(f, " in {low}..={high}")?,
            (Bound::Included(low), Bound::Unbounded) => write!(f, " ≥ {low}")?,
            (Bound::Excluded(low), Bound::Unbounded) => write!(f, " > {low}")?,
            (Bound::Unbounded, Bound::Included(high)) => write!(f, " ≤ {high}")?,
            (Bound::Unbounded, Bound::Excluded(high)) => write!(f, " < {high}")?,
            (low, high) => {
                let (open, low) = match low {
                    Bound::Included(low) => ('[', low),
                    Bound::Excluded(low) => ('(', low),
                    Bound::Unbounded => ('(', f64::NEG_INFINITY),
                };
                let (high, close) = match high {
                    Bound::Included(high) => (high, ']'),
                    Bound::Excluded(high) => (high, ')'),
                    Bound::Unbounded => (f64::INFINITY, ')'),
                };
                write!(f, " in {open}{low}, {high}{close}")?;
            }
        }
        if self.unit.is_empty() { Ok(()) } else { write!(f, " ({})", self.unit) }
    }
}

impl fmt::Display for Range {
    /// In words, for error messages.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any value"),
            Self::Text("text") => f.write_str("a text in quotes"),
            Self::Text(what) => write!(f, "the path of a {what} in quotes"),
            Self::Word(word) => write!(f, "\"{word}\""),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(numbers) => numbers.fmt(f),
            Self::List(None, of) => write!(f, "a list of values, each {of}"),
            Self::List(Some(length), of) => write!(f, "a list of {length} values, each {of}"),
            Self::Table(keys) => {
                f.write_str("{ ")?;
                for (place, (name, range)) in keys.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    match range {
                        Self::Word(word) => write!(f, "{comma}{name} = \"{word}\"")?,
                        _ => write!(f, "{comma}{name} = …")?,
                    }
                }
                f.write_str(" }")
            }
            Self::Plugin(family) => {
                write!(f, "a {}: a table with a `{}`", family.name(), family.tag())
            }
            Self::Either(choices) => {
                for (place, choice) in choices.iter().enumerate() {
                    let or = if place == 0 { "" } else { " or " };
                    write!(f, "{or}{choice}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, value: f64) -> bool {
        match Range::parse(range).unwrap() {
            Range::Number(numbers) => numbers.hold(value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_bounds_are_read_and_kept() {
        for (range, inside, outside) in [
            ("> 0", vec![1e-9, 3.0], vec![0.0, -1.0, f64::INFINITY, f64::NAN, 1e-60, 1e60]),
            ("≥ 1 steps", vec![1.0, 1.5], vec![0.99, -1.0]),
            ("< 2", vec![1.9, -5.0], vec![2.0, 3.0]),
            ("≤ -2", vec![-2.0, -5.0], vec![-1.0]),
            ("1..=65536", vec![1.0, 65536.0], vec![0.0, 65537.0, 1.5, f64::NAN]),
            ("16..=1024 pixels", vec![16.0, 1024.0], vec![15.0, 1025.0]),
            ("0..", vec![0.0, 1e18], vec![-1.0, 0.5]),
            ("[0, 1)", vec![0.0, 0.999], vec![-0.1, 1.0, 0.999_999_999_9]),
            ("(0, 4]", vec![0.1, 4.0], vec![0.0, 4.1]),
            ("[0.1, 60]", vec![0.1, f64::from(0.1_f32)], vec![0.05]),
            ("2", vec![2.0], vec![1.0, 3.0]),
            ("number", vec![-1e30, 0.0], vec![f64::NAN, f64::NEG_INFINITY]),
        ] {
            inside.into_iter().for_each(|value| assert!(holds(range, value), "{range} {value}"));
            outside.into_iter().for_each(|value| assert!(!holds(range, value), "{range} {value}"));
        }
    }

    #[test]
    fn ranges_are_said_in_words() {
        for (range, words) in [
            ("> 0", "a number > 0"),
            ("[0, 1)", "a number in [0, 1)"),
            ("1..", "a whole number of at least 1"),
            ("8..=1024 pixels", "a whole number in 8..=1024 (pixels)"),
            ("shared | blocked", "\"shared\" or \"blocked\""),
            ("true | false", "true or false"),
            ("folder", "the path of a folder in quotes"),
            ("2 of (0, 1]", "a list of 2 values, each a number in (0, 1]"),
            (
                "{ type = random, count = 1..=9 } | { type = all }",
                "{ type = \"random\", count = … } or { type = \"all\" }",
            ),
            ("a score", "a score: a table with a `type`"),
        ] {
            assert_eq!(Range::parse(range).unwrap().to_string(), words);
        }
    }
}
