//! Colours for a light page and for a dark page.

use plotters::style::RGBColor;
use std::fmt::Write;

/// The background.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Text and axes.
pub const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(0xdc, 0xe0, 0xe4);
/// References for what was learned: the untrained network, chance.
pub const FAINT: RGBColor = RGBColor(0x6f, 0x77, 0x80);

/// Colours that colour-blind readers can distinguish (Okabe & Ito 2008), in another order. Yellow is left
/// out, because it is hard to see on white.
pub const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x7a, 0x4f, 0x2b),
];

/// The names of these colours in the page's style sheet, which sets them for each theme.
const NAMES: [&str; 11] = ["paper", "ink", "grid", "faint", "s0", "s1", "s2", "s3", "s4", "s5", "s6"];

/// A colour of the palette. The palette repeats after its end.
pub fn of(colour: Option<usize>) -> RGBColor {
    colour.and_then(|colour| PALETTE.get(colour % PALETTE.len()).copied()).unwrap_or(FAINT)
}

/// Replaces the colours in an SVG by variables of the page's style, which differ between the light and the
/// dark theme. `plotters` writes colours as numbers.
pub fn themed(svg: &str, title: &str) -> String {
    let mut themed = svg.to_owned();
    let colours = [PAPER, INK, GRID, FAINT].into_iter().chain(PALETTE);
    for (RGBColor(r, g, b), name) in colours.zip(NAMES) {
        let number = format!("#{r:02X}{g:02X}{b:02X}");
        themed = themed.replace(&format!("\"{number}\""), &format!("\"var(--{name},{number})\""));
    }
    let mut label = String::new();
    for letter in title.chars() {
        match letter {
            '"' => label.push_str("&quot;"),
            '<' => label.push_str("&lt;"),
            '&' => label.push_str("&amp;"),
            other => label.push(other),
        }
    }
    let mut head = String::from("<svg");
    // Writing to a `String` cannot fail.
    let _ = write!(head, " role=\"img\" aria-label=\"{label}\" class=\"chart\"");
    themed.replacen("<svg", &head, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_variables_and_the_name_is_escaped() {
        let svg = "<svg width=\"4\"><rect fill=\"#FFFFFF\" stroke=\"#0072B2\"/></svg>";
        let themed = themed(svg, "a < b");
        assert!(
            themed.contains("fill=\"var(--paper,#FFFFFF)\"") && themed.contains("var(--s0,#0072B2)"),
            "{themed}"
        );
        assert!(themed.contains("aria-label=\"a &lt; b\""), "{themed}");
    }
}
