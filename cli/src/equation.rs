//! Converts equations of plugins, such as `ΔW = γ · (W_pred c_{t−δ}) · x_t`, to MathML, which browsers draw without
//! extra fonts or scripts.
//!
//! `_` and `^` start an index and an exponent: a word, or the text in the following braces or brackets. Unicode's
//! own indices and exponents (`zᵀ`, `u⁺`, `λ₁`) and primes are treated in the same way. Words of two letters or
//! more are upright. Outside brackets, a line may break before a sign of addition or relation and after a comma.
//! Browsers do not break inside one `<math>`, so each such part is a separate `<math>`.

/// An equation as elements `<math>`, with a blank wherever a line may break.
pub fn mathml(equation: &str) -> String {
    let mut parser = Parser { letters: equation.chars().collect(), at: 0 };
    let parts = parser.parts(None);
    let set = parts.iter().filter(|part| !part.is_empty()).map(|part| format!("<math>{part}</math>"));
    set.collect::<Vec<_>>().join(" ")
}

/// Signs before which a line may break, with a blank on each side.
const BREAKS: [char; 7] = ['=', '+', '−', '→', '±', '·', '⊙'];
/// Unicode's exponents and their plain characters.
const EXPONENTS: [(char, char); 16] = [
    ('ᵀ', 'T'),
    ('⁺', '+'),
    ('⁻', '−'),
    ('⁰', '0'),
    ('¹', '1'),
    ('²', '2'),
    ('³', '3'),
    ('⁴', '4'),
    ('⁵', '5'),
    ('⁶', '6'),
    ('⁷', '7'),
    ('⁸', '8'),
    ('⁹', '9'),
    ('ⁿ', 'n'),
    ('\'', '′'),
    ('′', '′'),
];
/// A combining character, which belongs to the letter before it: a bar above a letter.
const BAR: char = '\u{304}';

struct Parser {
    letters: Vec<char>,
    at: usize,
}

impl Parser {
    fn next(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.next()?;
        self.at += 1;
        Some(letter)
    }

    /// Reads letters as long as `is` is true.
    fn run(&mut self, is: impl Fn(char) -> bool) -> String {
        let run: String = self.letters[self.at..].iter().copied().take_while(|&letter| is(letter)).collect();
        self.at += run.chars().count();
        run
    }

    /// Reads up to and including `end`, in parts between which a line may break. Inside brackets there is only one
    /// part.
    fn parts(&mut self, end: Option<char>) -> Vec<String> {
        let (mut parts, mut depth) = (vec![String::new()], 0usize);
        while let Some(letter) = self.next() {
            if depth == 0 && Some(letter) == end {
                self.at += 1;
                break;
            }
            let whole = depth == 0 && end.is_none();
            let set = match letter {
                ' ' => {
                    self.at += 1;
                    let after = self.letters.get(self.at + 1) == Some(&' ');
                    if whole && after && self.next().is_some_and(|sign| BREAKS.contains(&sign)) {
                        parts.push(String::new());
                    }
                    let beside = [self.letters.get(self.at.wrapping_sub(2)), self.letters.get(self.at)];
                    let between = beside.iter().all(|letter| letter.is_some_and(|&letter| !is_sign(letter)));
                    if between { "<mspace width=\"0.25em\"/>".to_owned() } else { String::new() }
                }
                '(' | '[' => {
                    depth += 1;
                    self.at += 1;
                    format!("<mo stretchy=\"false\">{letter}</mo>")
                }
                ')' | ']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                    let closed = format!("<mo stretchy=\"false\">{letter}</mo>");
                    self.scripts(closed)
                }
                _ => {
                    let atom = self.atom();
                    self.scripts(atom)
                }
            };
            if let Some(part) = parts.last_mut() {
                part.push_str(&set);
            }
            if whole && [',', ';'].contains(&letter) {
                parts.push(String::new());
            }
        }
        parts
    }

    /// A word, a number, a letter or a sign.
    fn atom(&mut self) -> String {
        let word = self.run(|letter| letter.is_ascii_alphabetic());
        if !word.is_empty() {
            let bar = if self.next() == Some(BAR) { self.take() } else { None };
            let word = bar.map_or(word.clone(), |bar| format!("{word}{bar}"));
            return format!("<mi>{word}</mi>");
        }
        let number = self.run(|letter| letter.is_ascii_digit() || letter == '.');
        if !number.is_empty() {
            return format!("<mn>{number}</mn>");
        }
        match self.take() {
            Some('√') => {
                let under = if self.next() == Some('(') {
                    self.at += 1;
                    self.parts(Some(')')).concat()
                } else {
                    let rest = self.run(|letter| letter != ',').chars().collect();
                    Parser { letters: rest, at: 0 }.parts(Some('\0')).concat()
                };
                format!("<msqrt>{under}</msqrt>")
            }
            Some('`') => String::new(),
            Some(letter) if letter.is_alphabetic() => format!("<mi>{letter}</mi>"),
            Some(sign) => format!("<mo>{}</mo>", escaped(sign)),
            None => String::new(),
        }
    }

    /// The index and exponent of an atom.
    fn scripts(&mut self, atom: String) -> String {
        let (mut foot, mut head) = (String::new(), String::new());
        while let Some(letter) = self.next() {
            match letter {
                '_' => {
                    self.at += 1;
                    foot.push_str(&self.group());
                }
                '^' => {
                    self.at += 1;
                    head.push_str(&self.group());
                }
                '₀'..='₉' => {
                    self.at += 1;
                    foot.push_str(&format!("<mn>{}</mn>", u32::from(letter) - u32::from('₀')));
                }
                _ => match EXPONENTS.iter().find(|(of, _)| *of == letter) {
                    Some((_, plain)) => {
                        self.at += 1;
                        head.push_str(&format!("<mo>{plain}</mo>"));
                    }
                    None => break,
                },
            }
        }
        match (foot.is_empty(), head.is_empty()) {
            (true, true) => atom,
            (false, true) => format!("<msub>{atom}<mrow>{foot}</mrow></msub>"),
            (true, false) => format!("<msup>{atom}<mrow>{head}</mrow></msup>"),
            (false, false) => format!("<msubsup>{atom}<mrow>{foot}</mrow><mrow>{head}</mrow></msubsup>"),
        }
    }

    /// An index or exponent: the text in braces or brackets, or a word.
    fn group(&mut self) -> String {
        let end = match self.next() {
            Some('{') => '}',
            Some('(') => ')',
            _ => {
                let word = self
                    .run(|letter| letter.is_alphanumeric() && !EXPONENTS.iter().any(|(of, _)| *of == letter));
                return format!("<mi>{word}</mi>");
            }
        };
        self.at += 1;
        self.parts(Some(end)).concat()
    }
}

/// Whether the browser sets the blanks around this sign.
fn is_sign(letter: char) -> bool {
    !letter.is_alphanumeric()
        && !['(', ')', '[', ']', '}', '\'', '′', 'ᵀ', '⁺', '⁻', BAR, '√', '∂', '‖'].contains(&letter)
}

fn escaped(sign: char) -> String {
    match sign {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_exponents_and_roots_are_set() {
        assert_eq!(
            mathml("zᵀ W_pred c_{t−δ}"),
            "<math><msup><mi>z</mi><mrow><mo>T</mo></mrow></msup><mspace width=\"0.25em\"/>\
             <msub><mi>W</mi><mrow><mi>pred</mi></mrow></msub><mspace width=\"0.25em\"/>\
             <msub><mi>c</mi><mrow><mi>t</mi><mo>−</mo><mi>δ</mi></mrow></msub></math>"
        );
        assert_eq!(
            mathml("x_i² √(a + 1)"),
            "<math><msubsup><mi>x</mi><mrow><mi>i</mi></mrow><mrow><mo>2</mo></mrow></msubsup>\
             <mspace width=\"0.25em\"/><msqrt><mi>a</mi><mo>+</mo><mn>1</mn></msqrt></math>"
        );
        assert!(mathml("1[y·u > 0]").contains("<mo>&gt;</mo>"));
    }

    #[test]
    fn a_line_may_break_outside_brackets_alone() {
        let parts = |equation: &str| mathml(equation).matches("<math>").count();
        assert_eq!(parts("ΔW = a + b, u = c"), 4 + 1);
        assert_eq!(parts("f(a + b, c)"), 1);
        assert_eq!(parts("x_{a + b}^(c, d)"), 1);
        assert_eq!(parts(""), 0);
    }

    /// The equations of all plugins become valid: every opened element is closed.
    #[test]
    fn equations_of_all_plugins_are_whole() {
        use plasticity_core::registry::{Family, plugins};
        for plugin in Family::ALL.into_iter().flat_map(plugins) {
            let set = mathml(plugin.equation);
            for name in ["math", "mi", "mo", "mn", "mrow", "msub", "msup", "msubsup", "msqrt"] {
                let opened =
                    set.matches(&format!("<{name}>")).count() + set.matches(&format!("<{name} ")).count();
                assert_eq!(opened, set.matches(&format!("</{name}>")).count(), "{name}: {set}");
            }
            assert!(!set.contains(['_', '^', '{', '}']), "{set}");
        }
    }
}
