//! Equations inside pages: the text of one stands in a comment, `<!-- equation: u = zᵀ W c -->`, and below it what browsers
//! set, as on the pages of plugins.

use super::generated::UPDATE;
use super::pages::pages;
use plasticity::equation::mathml;

const OPEN: &str = "<!-- equation: ";
const CLOSE: &str = " -->";

#[test]
fn equations_of_pages_are_set_as_their_comments_say() {
    let mut found = 0;
    for page in pages() {
        let (set, equations) = with_equations(&page.text);
        found += equations;
        if std::env::var_os(UPDATE).is_some() && set != page.text {
            std::fs::write(&page.path, &set).unwrap();
        } else {
            let name = page.name();
            assert!(
                equations == 0 || set == page.text,
                "{name}: write it again: {UPDATE}=1 cargo test -p plasticity-tests --test book"
            );
        }
    }
    assert!(found > 0, "no page has an equation");
}

/// The page with every equation set, and how many there are.
fn with_equations(page: &str) -> (String, usize) {
    let (mut set, mut found) = (String::new(), 0);
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        set.push_str(line);
        set.push('\n');
        let indent = &line[..line.len() - line.trim_start().len()];
        let Some(equation) = line.trim().strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE)) else {
            continue;
        };
        found += 1;
        lines.next_if(|next| next.trim_start().starts_with("<p class=\"equation\">"));
        set.push_str(&format!("{indent}<p class=\"equation\">{}</p>\n", mathml(equation)));
    }
    (set, found)
}

#[test]
fn an_equation_is_set_below_its_comment_and_replaces_an_earlier_one() {
    let page = "a\n  <!-- equation: u = c -->\n  <p class=\"equation\">old</p>\nb\n";
    let (set, found) = with_equations(page);
    assert_eq!(found, 1);
    assert!(set.contains(&format!("  <p class=\"equation\">{}</p>\nb\n", mathml("u = c"))), "{set}");
    assert!(!set.contains("old") && with_equations(&set).0 == set);
}
