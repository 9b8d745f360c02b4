//! The reader of ranges: one function for each line of the grammar.

use super::{Numbers, Range};
use crate::registry::Family;
use std::ops::Bound;

/// A range, and nothing after it.
pub(super) fn range(text: &str) -> Result<Range, String> {
    let mut reader = Reader { rest: text };
    let range = reader.range()?;
    if reader.rest.trim().is_empty() { Ok(range) } else { Err(reader.unexpected("the end")) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn range(&mut self) -> Result<Range, String> {
        let mut choices = vec![self.choice()?];
        while self.eat("|") {
            choices.push(self.choice()?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Range::Either(choices) })
    }

    fn choice(&mut self) -> Result<Range, String> {
        if self.eat("{") {
            return self.table();
        }
        for (sign, excluded, lower) in
            [(">", true, true), ("≥", false, true), ("<", true, false), ("≤", false, false)]
        {
            if self.eat(sign) {
                let bound = bound(excluded, self.number()?);
                let (low, high) = if lower { (bound, Bound::Unbounded) } else { (Bound::Unbounded, bound) };
                return Ok(self.numbers(false, low, high));
            }
        }
        for (open, excluded) in [("[", false), ("(", true)] {
            if self.eat(open) {
                return self.interval(excluded);
            }
        }
        if self.starts_number() {
            return self.whole();
        }
        match self.word() {
            "" => Err(self.unexpected("a range")),
            "any" => Ok(Range::Any),
            "number" => Ok(self.numbers(false, Bound::Unbounded, Bound::Unbounded)),
            "true" => Ok(Range::Flag(true)),
            "false" => Ok(Range::Flag(false)),
            "text" => Ok(Range::Text("text")),
            "file" => Ok(Range::Text("file")),
            "folder" => Ok(Range::Text("folder")),
            "list" => self.list(None),
            "a" => self.plugin(),
            word => Ok(Range::Word(word.to_owned())),
        }
    }

    fn interval(&mut self, open: bool) -> Result<Range, String> {
        let low = bound(open, self.number()?);
        self.expect(",")?;
        let high = self.number()?;
        let closed = self.eat("]");
        if !closed {
            self.expect(")")?;
        }
        Ok(self.numbers(false, low, bound(!closed, high)))
    }

    fn whole(&mut self) -> Result<Range, String> {
        let low = self.number()?;
        let least = Bound::Included(low);
        if self.eat("..=") {
            let high = self.number()?;
            return Ok(self.numbers(true, least, Bound::Included(high)));
        }
        if self.eat("..") {
            return Ok(self.numbers(true, least, Bound::Unbounded));
        }
        if self.rest.trim_start().starts_with("of ") {
            return self.list(Some(low as usize));
        }
        Ok(self.numbers(true, least, least))
    }

    fn list(&mut self, length: Option<usize>) -> Result<Range, String> {
        if self.word() != "of" {
            return Err(self.unexpected("`of`"));
        }
        Ok(Range::List(length, Box::new(self.choice()?)))
    }

    fn table(&mut self) -> Result<Range, String> {
        let mut keys = Vec::new();
        loop {
            let name = self.word().to_owned();
            self.expect("=")?;
            keys.push((name, self.range()?));
            if self.eat("}") {
                return Ok(Range::Table(keys));
            }
            self.expect(",")?;
        }
    }

    fn plugin(&mut self) -> Result<Range, String> {
        let name = self.word();
        let family = Family::ALL.into_iter().find(|family| family.name() == name);
        family.map(Range::Plugin).ok_or_else(|| format!("`{name}` is not a family of plugins"))
    }

    /// Numbers between bounds, with the unit that follows.
    fn numbers(&mut self, whole: bool, low: Bound<f64>, high: Bound<f64>) -> Range {
        let unit = self.rest.split(['|', ',', '}', ']', ')']).next().unwrap_or_default();
        let unit = if unit.chars().all(|c| c.is_alphabetic() || c == ' ') { unit } else { "" };
        self.rest = &self.rest[unit.len()..];
        Range::Number(Numbers { whole, low, high, unit: unit.trim().to_owned() })
    }

    fn starts_number(&self) -> bool {
        self.rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-')
    }

    fn number(&mut self) -> Result<f64, String> {
        let text = self.rest.trim_start();
        let mut end = text.find(|c: char| !(c.is_ascii_digit() || "-.e".contains(c))).unwrap_or(text.len());
        // The dots of `1..` are not part of the number.
        end = text[..end].find("..").unwrap_or(end);
        let number = text[..end].parse().map_err(|_| self.unexpected("a number"))?;
        self.rest = &text[end..];
        Ok(number)
    }

    fn word(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let end = if text.starts_with(|c: char| c.is_ascii_alphabetic()) { end } else { 0 };
        self.rest = &text[end..];
        &text[..end]
    }

    fn eat(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.rest.trim() {
            "" => format!("ends where {expected} was expected"),
            rest => format!("has `{rest}` where {expected} was expected"),
        }
    }
}

fn bound(excluded: bool, value: f64) -> Bound<f64> {
    if excluded { Bound::Excluded(value) } else { Bound::Included(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_grammar_is_refused_with_its_place() {
        for (range, expected) in [
            ("", "ends where a range was expected"),
            ("≥ 1, or a list", "has `, or a list` where the end was expected"),
            ("1 to 9", ""),
            ("{ size, stride }", "has `, stride }` where `=` was expected"),
            ("[0, 1", "ends where `)` was expected"),
            ("> many", "has `many` where a number was expected"),
            ("a thing", "`thing` is not a family of plugins"),
            ("list 1..", "has `1..` where `of` was expected"),
            ("a source or two", "has `or two` where the end was expected"),
        ] {
            let error = super::range(range).unwrap_err();
            assert!(error.contains(expected), "{range}: {error}");
        }
    }

    #[test]
    fn choices_lists_and_tables_nest() {
        let range =
            super::range("false | { size = 1..=4096 | list of 1..=4096, stride = 1.. pixels }").unwrap();
        let Range::Either(choices) = &range else { panic!("{range:?}") };
        let Range::Table(keys) = &choices[1] else { panic!("{range:?}") };
        assert_eq!(keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["size", "stride"]);
        assert!(matches!(&keys[0].1, Range::Either(sizes) if matches!(sizes[1], Range::List(None, _))));
        assert!(matches!(&keys[1].1, Range::Number(numbers) if numbers.unit == "pixels"));
    }
}
