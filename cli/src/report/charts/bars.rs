//! Bars side by side at each place, with their spread over seeds.

use super::canvas::{Entry, Mark, SIZE, axes, draw_levels, legend, level_entries, range, with_legend};
use super::{Chart, Frame, Level, Series, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::Color;

/// The share of a place's width that its bars fill.
const FULL: f64 = 0.8;

/// Bars for each series at each place of the frame, and a dashed line for each level.
pub fn bars(frame: &Frame, series: &[Series], levels: &[Level]) -> Result<Chart> {
    let dot = |one: &Series| Entry { name: one.name.clone(), colour: theme::of(one.colour), mark: Mark::Dot };
    let entries: Vec<Entry> = series.iter().map(dot).chain(level_entries(levels)).collect();
    let tops = series.iter().flat_map(|one| &one.points).map(|point| point.y + point.spread);
    let y = range(
        tops.chain(levels.iter().map(|level| level.value)),
        Some(frame.bottom.unwrap_or(0.0)),
        frame.top,
    );
    let x = (0.5, frame.places.len() as f64 + 0.5);
    draw(frame, with_legend(SIZE, &entries), |area| {
        let below = legend(area, &entries)?;
        let mut chart = axes(&below, frame, x, y)?;
        let wide = FULL / series.len().max(1) as f64;
        for (index, one) in series.iter().enumerate() {
            let colour = theme::of(one.colour).mix(if one.faint { 0.55 } else { 1.0 });
            let left = |x: f64| x - FULL / 2.0 + wide * index as f64;
            let bar = |point: &super::Point| {
                let corners = [(left(point.x), y.0), (left(point.x) + 0.92 * wide, point.y.max(y.0))];
                Rectangle::new(corners, colour.filled())
            };
            chart.draw_series(one.points.iter().map(bar)).map_err(refused)?;
            let whisker = |point: &super::Point| {
                let middle = left(point.x) + 0.46 * wide;
                let ends = vec![(middle, point.y - point.spread), (middle, point.y + point.spread)];
                PathElement::new(ends, theme::INK.stroke_width(3))
            };
            chart
                .draw_series(one.points.iter().filter(|point| point.spread > 0.0).map(whisker))
                .map_err(refused)?;
        }
        draw_levels(area, &chart, levels, x)
    })
}
