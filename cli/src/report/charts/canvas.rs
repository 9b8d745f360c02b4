//! Parts that all charts share: axes, the legend, the size of text.

use super::theme::{FAINT, GRID, INK};
use super::{Frame, Level, refused};
use plasticity_core::Result;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, DrawingArea, PathElement, SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor};

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The size of a chart, in pixels. Charts are drawn at twice the size at which they are shown, because
/// `plotters` uses whole pixels only.
pub const SIZE: (u32, u32) = (960, 600);
/// The size of text, in the same pixels. `plotters` divides it by 1.24 for SVG's font size.
pub const LETTERS: f64 = 32.0;
const FONT: &str = "system-ui, sans-serif";
/// The distance between lines of the legend, in pixels.
const LINE: i32 = 36;
/// The height of a legend with one line, in pixels.
const ONE_LINE: i32 = 50;

/// An entry of the legend.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub colour: RGBColor,
    pub mark: Mark,
}

/// The mark before a name in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Line,
    /// Dashes with the pattern of this number.
    Dashes(usize),
    Dot,
    Cross,
}

/// The style of text with this colour and anchor.
pub fn letters(colour: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    (FONT, LETTERS).into_font().color(&colour).pos(Pos::new(h, v))
}

/// The approximate width of a text, in pixels. It is that of a wide font, because fonts differ between
/// machines.
pub fn width(text: &str) -> i32 {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ' ' | '\'' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' | '—' => 0.95,
        'A'..='Z' => 0.74,
        _ => 0.62,
    };
    (text.chars().map(of).sum::<f64>() * LETTERS / 1.24).ceil() as i32
}

/// The text, shortened with `…` to a width of `most` pixels.
pub fn cut(text: &str, most: i32) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept) + width("m…") > most {
            break;
        }
        kept.push(letter);
    }
    kept + "…"
}

/// An entry's place in a legend, and its name, cut to the width of the chart.
struct Place {
    x: i32,
    y: i32,
    name: String,
}

/// The places of all entries, and the height of all lines.
fn placed(entries: &[Entry], chart: u32) -> (Vec<Place>, i32) {
    let right = chart as i32 - 16;
    let (mut x, mut y) = (24, 26);
    let mut places = Vec::new();
    for entry in entries {
        let name = cut(&entry.name, right - 24 - 56);
        let wide = 56 + width(&name) + 28;
        if x > 24 && x + wide > right {
            (x, y) = (24, y + LINE);
        }
        places.push(Place { x, y, name });
        x += wide;
    }
    (places, if entries.is_empty() { 8 } else { y - 26 + ONE_LINE })
}

/// The size of a chart whose legend has one line, with room for all lines of this legend.
pub fn with_legend((wide, high): (u32, u32), entries: &[Entry]) -> (u32, u32) {
    let (_, used) = placed(entries, wide);
    (wide, high + (used - ONE_LINE).max(0) as u32)
}

/// Draws the legend at the top, in as many lines as it needs. Returns the area below it.
pub fn legend<'a>(area: &Area<'a>, entries: &[Entry]) -> Result<Area<'a>> {
    let (places, used) = placed(entries, area.dim_in_pixel().0);
    for (Entry { colour, mark, .. }, Place { x, y, name }) in entries.iter().zip(places) {
        match mark {
            Mark::Line => {
                let line = PathElement::new(vec![(x, y), (x + 44, y)], colour.stroke_width(5));
                area.draw(&line).map_err(refused)?;
            }
            Mark::Dashes(pattern) => dashes(area, (x, x + 44), y, *colour, *pattern)?,
            Mark::Dot => area.draw(&Circle::new((x + 24, y), 9, colour.filled())).map_err(refused)?,
            Mark::Cross => cross(area, (x + 24, y), *colour)?,
        }
        let place = (x + 56, y);
        area.draw(&Text::new(name, place, letters(INK, HPos::Left, VPos::Center))).map_err(refused)?;
    }
    Ok(area.split_vertically(used).1)
}

/// The length of a dash, and the distance from one dash to the next, in pixels. The patterns distinguish
/// lines of the same colour.
pub const PATTERNS: [(i32, i32); 4] = [(9, 16), (3, 10), (24, 32), (5, 24)];

/// Draws a dashed line from left to right.
pub fn dashes(area: &Area, (from, to): (i32, i32), y: i32, colour: RGBColor, pattern: usize) -> Result<()> {
    let (dash, every) = PATTERNS[pattern % PATTERNS.len()];
    for start in (from..to).step_by(every as usize) {
        let line = vec![(start, y), ((start + dash).min(to), y)];
        area.draw(&PathElement::new(line, colour.stroke_width(4))).map_err(refused)?;
    }
    Ok(())
}

/// The legend's entries of levels. They skip the first pattern of dashes, which marks the untrained network.
pub fn level_entries(levels: &[Level]) -> impl Iterator<Item = Entry> {
    levels.iter().enumerate().map(|(index, level)| Entry {
        name: level.name.clone(),
        colour: FAINT,
        mark: Mark::Dashes(index + 1),
    })
}

/// Draws levels across a chart.
pub fn draw_levels(area: &Area, chart: &Axes, levels: &[Level], x: (f64, f64)) -> Result<()> {
    for (index, level) in levels.iter().enumerate() {
        let (left, at) = chart.backend_coord(&(x.0, level.value));
        let (right, _) = chart.backend_coord(&(x.1, level.value));
        dashes(area, (left, right), at, FAINT, index + 1)?;
    }
    Ok(())
}

/// Draws a cross at a place.
pub fn cross(area: &Area, (x, y): (i32, i32), colour: RGBColor) -> Result<()> {
    for line in [vec![(x - 8, y - 8), (x + 8, y + 8)], vec![(x - 8, y + 8), (x + 8, y - 8)]] {
        area.draw(&PathElement::new(line, colour.stroke_width(4))).map_err(refused)?;
    }
    Ok(())
}

/// Draws axes with their names and a grid, for the given ranges.
pub fn axes<'a, 'b>(area: &'a Area<'b>, frame: &Frame, x: (f64, f64), y: (f64, f64)) -> Result<Axes<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(28)
        .x_label_area_size(84)
        .y_label_area_size(118)
        .build_cartesian_2d(x.0..x.1, y.0..y.1)
        .map_err(refused)?;
    let places = frame.places.clone();
    let named = !places.is_empty();
    let name = move |value: &f64| -> String {
        let near = (value - value.round()).abs() < 1e-6 && *value >= 1.0;
        let place = if near { places.get(value.round() as usize - 1) } else { None };
        place.cloned().unwrap_or_default()
    };
    let number = |value: &f64| mark(*value, y);
    let plain_x = |value: &f64| mark(*value, x);
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(GRID.mix(0.0))
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(FAINT.stroke_width(2))
        .axis_desc_style(letters(INK, HPos::Center, VPos::Center))
        .label_style((FONT, LETTERS).into_font().color(&INK))
        .y_desc(frame.y.clone())
        .x_desc(frame.x.clone())
        .y_labels(6)
        .y_label_formatter(&number);
    if named {
        mesh.disable_x_mesh().x_labels(frame.places.len() + 2).x_label_formatter(&name);
    } else {
        mesh.x_labels(5).x_label_formatter(&plain_x);
    }
    mesh.draw().map_err(refused)?;
    Ok(chart)
}

/// The number at a mark of an axis, with enough digits to differ from the next mark. Marks are computed by
/// addition, so zero may come out as a rounding error. Small numbers of a short axis have a power of ten.
fn mark(value: f64, (from, to): (f64, f64)) -> String {
    if value.abs() < 1e-9 * (to - from) {
        return "0".to_owned();
    }
    // Axes have about five marks, whose step may have one digit more than their distance, such as 2.5.
    let digits = 1.0 - ((to - from) / 5.0).log10().floor();
    let count = |digits: f64| digits.clamp(0.0, 12.0) as usize;
    if digits > 5.0 && value.abs() < 0.01 {
        let text = format!("{value:.*e}", count(digits + value.abs().log10().floor()));
        let (number, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(number));
    }
    trimmed(&format!("{value:.*}", count(digits))).to_owned()
}

/// A decimal number without zeros at its end.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// The range of the values, slightly widened. `bottom` and `top` replace its ends if they are given.
pub fn range(values: impl Iterator<Item = f64>, bottom: Option<f64>, top: Option<f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
    let room = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1.0) };
    let (low, high) = (bottom.unwrap_or(low - room), top.unwrap_or(high + room));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let shown = [0.0, 500.0, 2500.0].map(|value| mark(value, (0.0, 2600.0)));
        assert_eq!(shown, ["0", "500", "2500"]);
        assert_eq!(
            [2.0, 2.05, 2.1, 2.15].map(|value| mark(value, (1.99, 2.14))),
            ["2", "2.05", "2.1", "2.15"]
        );
        assert_eq!(
            [0.0, 0.005, 0.01, 0.015, 0.02].map(|value| mark(value, (0.0, 0.022))),
            ["0", "0.005", "0.01", "0.015", "0.02"]
        );
        assert_eq!(
            [-0.25, 0.75, 100.5, 101.0, 2500.0].map(|value| mark(value, (value - 1.0, value + 1.0))),
            ["-0.25", "0.75", "100.5", "101", "2500"]
        );
        assert_eq!(
            [0.001, 0.00105, 0.0011].map(|value| mark(value, (0.00098, 0.00112))),
            ["1e-3", "1.05e-3", "1.1e-3"]
        );
        assert_eq!([mark(1.4e-17, (-0.8, 0.4)), mark(1.4e-17, (0.0, 4e-17))], ["0", "1.4e-17"]);
    }

    #[test]
    fn long_names_are_cut_to_their_room() {
        assert_eq!(cut("cat", 300), "cat");
        let name = cut("a name that is far longer than the room beside a chart", 300);
        assert!(name.starts_with("a name") && name.ends_with('…') && width(&name) <= 300, "{name}");
        assert!(width("OneHandWave") > width("onehandwave"));
    }

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(range([].into_iter(), None, None), (-0.05, 1.05));
        let (low, high) = range([3.0, 3.0].into_iter(), None, None);
        assert!(low < 3.0 && high > 3.0);
        assert_eq!(range([1.0, 5.0].into_iter(), Some(0.0), Some(100.0)), (0.0, 100.0));
    }
}
