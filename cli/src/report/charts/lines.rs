//! Curves, each with a band for its spread over seeds.

use super::canvas::{Entry, Mark, SIZE, axes, draw_levels, legend, level_entries, range};
use super::{Chart, Frame, Level, Series, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{Circle, PathElement, Polygon};
use plotters::style::Color;

/// The largest number of points at which each point has a dot.
const DOTS: usize = 12;

/// A line for each series, and a dashed line for each level.
pub fn lines(frame: &Frame, series: &[Series], levels: &[Level]) -> Result<Chart> {
    let mark = |one: &Series| if one.faint { Mark::Dashes(0) } else { Mark::Line };
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
    draw(frame, SIZE, |area| {
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
            if one.faint {
                let pixels: Vec<(i32, i32)> = line.iter().map(|place| chart.backend_coord(place)).collect();
                for (from, to) in pixels.windows(2).flat_map(|pair| broken(pair[0], pair[1])) {
                    area.draw(&PathElement::new(vec![from, to], colour.stroke_width(4))).map_err(refused)?;
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

/// The dashes of a line.
fn broken((x0, y0): (i32, i32), (x1, y1): (i32, i32)) -> Vec<((i32, i32), (i32, i32))> {
    let length = f64::from(x1 - x0).hypot(f64::from(y1 - y0)).max(1.0);
    let at = |share: f64| {
        let between = |a: i32, b: i32| a + (f64::from(b - a) * share).round() as i32;
        (between(x0, x1), between(y0, y1))
    };
    let dashes = (length / 16.0).ceil() as usize;
    (0..dashes)
        .map(|dash| 16.0 * dash as f64 / length)
        .map(|from| (at(from), at((from + 9.0 / length).min(1.0))))
        .collect()
}
