//! Points of classes in a plane.

use super::canvas::{Entry, Mark, axes, cross, legend, range, with_legend};
use super::{Chart, Frame, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::Circle;
use plotters::style::Color;

const SIZE: (u32, u32) = (800, 860);

/// A chart of points, and the places of the points on it.
pub struct Scatter {
    /// The chart.
    pub chart: Chart,
    /// The place of each point, in pixels of the chart.
    pub places: Vec<(i32, i32)>,
}

/// Draws a point for each of `places`, in the colour of its class. The first 7 classes are dots in 7 colours,
/// the next 7 are crosses in the same colours. If there are more than 14 classes, the 7 most frequent have
/// colours and all others are grey.
pub fn scatter(frame: &Frame, places: &[[f32; 2]], labels: &[u32], classes: &[String]) -> Result<Scatter> {
    let colours = theme::PALETTE.len();
    let count = |class: usize| labels.iter().filter(|&&label| label as usize == class).count();
    let mut order: Vec<usize> = (0..classes.len()).collect();
    let few = classes.len() <= 2 * colours;
    if !few {
        order.sort_by_key(|&class| std::cmp::Reverse(count(class)));
        order.truncate(colours);
    }
    let look = |label: usize| match order.iter().position(|&class| class == label) {
        Some(place) if place < colours => (theme::of(Some(place)), Mark::Dot),
        Some(place) => (theme::of(Some(place)), Mark::Cross),
        None => (theme::GRID, Mark::Dot),
    };
    let mut entries: Vec<Entry> = order
        .iter()
        .map(|&class| {
            let (colour, mark) = look(class);
            Entry { name: classes[class].clone(), colour, mark }
        })
        .collect();
    if !few {
        entries.push(Entry { name: "others".to_owned(), colour: theme::GRID, mark: Mark::Dot });
    }
    let axis = |axis: usize| range(places.iter().map(|place| f64::from(place[axis])), None, None);
    let mut pixels = Vec::new();
    let chart = draw(frame, with_legend(SIZE, &entries), |area| {
        let below = legend(area, &entries)?;
        let chart = axes(&below, frame, axis(0), axis(1))?;
        pixels = places
            .iter()
            .map(|place| chart.backend_coord(&(f64::from(place[0]), f64::from(place[1]))))
            .collect();
        // Grey points are drawn first, so they are below the others.
        for grey in [true, false] {
            for (&(x, y), &label) in pixels.iter().zip(labels) {
                let (colour, mark) = look(label as usize);
                if (colour == theme::GRID) != grey {
                    continue;
                }
                match mark {
                    Mark::Cross => cross(area, (x, y), colour)?,
                    _ => area.draw(&Circle::new((x, y), 6, colour.mix(0.85).filled())).map_err(refused)?,
                }
            }
        }
        Ok(())
    })?;
    Ok(Scatter { chart, places: pixels })
}
