//! Curves, each with a band for its spread over seeds.

use super::canvas::{
    Entry, Mark, PATTERNS, SIZE, axes, draw_levels, legend, level_entries, range, with_legend,
};
use super::{Chart, Frame, Level, Series, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{Circle, PathElement, Polygon};
use plotters::style::Color;

/// The largest number of points at which each point has a dot.
const DOTS: usize = 12;

/// A line for each series, and a dashed line for each level.
pub fn lines(frame: &Frame, series: &[Series], levels: &[Level]) -> Result<Chart> {
    let of_series = series.iter().map(|one| Entry {
        name: one.name.clone(),
        colour: theme::of(one.colour),
        mark: mark(one),
    });
    let entries: Vec<Entry> = of_series.chain(level_entries(levels)).collect();
    let points = || series.iter().flat_map(|one| &one.points);
    let y = points().flat_map(|point| [point.y - point.spread, point.y + point.spread]);
    let y = range(y.chain(levels.iter().map(|level| level.value)), frame.bottom, frame.top);
    let x = match frame.places.len() {
        0 => range(points().map(|point| point.x), None, None),
        places => (0.6, places as f64 + 0.4),
    };
    draw(frame, with_legend(SIZE, &entries), |area| {
        let below = legend(area, &entries)?;
        let mut chart = axes(&below, frame, x, y)?;
        for one in series {
            let colour = theme::of(one.colour);
            let edge = |sign: f64| one.points.iter().map(move |p| (p.x, p.y + sign * p.spread));
            if one.points.iter().any(|point| point.spread > 0.0) {
                let band: Vec<(f64, f64)> = edge(1.0).chain(edge(-1.0).rev()).collect();
                chart.draw_series(std::iter::once(Polygon::new(band, colour.mix(0.18)))).map_err(refused)?;
            }
            let line: Vec<(f64, f64)> = one.points.iter().map(|point| (point.x, point.y)).collect();
            if let Mark::Dashes(pattern) = mark(one) {
                let pixels: Vec<(i32, i32)> = line.iter().map(|place| chart.backend_coord(place)).collect();
                for part in broken(&pixels, PATTERNS[pattern % PATTERNS.len()]) {
                    area.draw(&PathElement::new(part, colour.stroke_width(4))).map_err(refused)?;
                }
            } else {
                let path = PathElement::new(line.clone(), colour.stroke_width(4));
                chart.draw_series(std::iter::once(path)).map_err(refused)?;
            }
            if line.len() <= DOTS {
                let dots = line.iter().map(|place| Circle::new(*place, 7, colour.filled()));
                chart.draw_series(dots).map_err(refused)?;
            }
        }
        draw_levels(area, &chart, levels, x)
    })
}

/// The mark of a series: dashes for an untrained network, and for a series whose colour another series has.
fn mark(one: &Series) -> Mark {
    match one.colour.map_or(0, |colour| colour / theme::PALETTE.len()) {
        _ if one.faint => Mark::Dashes(0),
        0 => Mark::Line,
        round => Mark::Dashes(round + 1),
    }
}

/// The dashes of a line through these pixels, which are `dash` long and begin `every` pixels. A dash that goes around a
/// corner has several parts.
fn broken(line: &[(i32, i32)], (dash, every): (i32, i32)) -> Vec<Vec<(i32, i32)>> {
    let (dash, every) = (f64::from(dash), f64::from(every));
    let mut parts = Vec::new();
    let mut start = 0.0;
    for pair in line.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let end = start + f64::from(x1 - x0).hypot(f64::from(y1 - y0));
        let at = |way: f64| {
            let share = (way - start) / (end - start);
            let between = |a: i32, b: i32| a + (f64::from(b - a) * share).round() as i32;
            (between(x0, x1), between(y0, y1))
        };
        let dashes = (start / every).floor() as usize..(end / every).ceil() as usize;
        for begin in dashes.map(|index| every * index as f64) {
            let (from, to) = (begin.max(start), (begin + dash).min(end));
            if from < to {
                parts.push(vec![at(from), at(to)]);
            }
        }
        start = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::Point;

    fn series(colour: usize, name: &str) -> Series {
        let points = [1.0, 2.0].map(|x| Point { x, y: x, spread: 0.0 }).to_vec();
        Series { name: name.to_owned(), points, colour: Some(colour), faint: false }
    }

    #[test]
    fn a_long_legend_makes_a_chart_taller() {
        let frame = Frame::default();
        let few = lines(&frame, &[series(0, "a")], &[]).unwrap();
        assert_eq!(few.height, SIZE.1);
        let name = "a name that fills a line of the legend and more than that ".repeat(2);
        let many: Vec<Series> = (0..24).map(|colour| series(colour, &name)).collect();
        let tall = lines(&frame, &many, &[]).unwrap();
        assert_eq!(tall.height, SIZE.1 + 23 * 36);
        assert!(tall.svg.contains(&format!("viewBox=\"0 0 {} {}\"", SIZE.0, tall.height)), "{}", tall.svg);
        assert!(tall.svg.contains('…') && !tall.svg.contains(name.trim()), "{}", tall.svg);
    }

    #[test]
    fn series_of_one_colour_have_different_marks() {
        let marks: Vec<Mark> = (0..28).step_by(7).map(|colour| mark(&series(colour, "a"))).collect();
        assert_eq!(marks[0], Mark::Line);
        for (index, one) in marks.iter().enumerate() {
            assert!(!marks[..index].contains(one), "{marks:?}");
        }
    }

    #[test]
    fn dashes_go_on_over_near_points() {
        let near: Vec<(i32, i32)> = (0..=16).map(|x| (2 * x, 0)).collect();
        let drawn = |line: &[(i32, i32)]| -> i32 {
            broken(line, (9, 16)).iter().map(|part| part[1].0 - part[0].0).sum()
        };
        assert_eq!(broken(&[(0, 0), (32, 0)], (9, 16)), [[(0, 0), (9, 0)], [(16, 0), (25, 0)]]);
        assert!((18..=20).contains(&drawn(&near)), "{}", drawn(&near));
    }
}
