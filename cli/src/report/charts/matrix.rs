//! A matrix of numbers. A larger number has a stronger colour.

use super::canvas::{Area, cut, letters, width};
use super::{Chart, Frame, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, FontTransform};

/// The largest number of rows and columns at which numbers are written into the cells.
const NUMBERED: usize = 20;
/// The side of the matrix, in pixels.
const SIDE: i32 = 640;
/// The largest width of a name, in pixels.
const NAME: i32 = 300;
/// The height of the colour scale, without and with its numbers, in pixels.
const SCALE: (i32, i32) = (18, 70);

/// Draws the cells `[row][column]`, with values from 0 to `most`. A cell with `None` is blank. `rows` and
/// `columns` are the names of the rows and columns. The frame's `y` says what rows are, and its `x` what
/// columns are.
pub fn matrix(
    frame: &Frame,
    rows: &[String],
    columns: &[String],
    cells: &[Vec<Option<f64>>],
    most: f64,
    shown: &dyn Fn(f64) -> String,
) -> Result<Chart> {
    let longest = |names: &[String]| names.iter().map(|name| width(name)).max().unwrap_or(0).min(NAME);
    let (left, below) = (longest(rows) + 78, longest(columns) + 82);
    let cell = (SIDE / rows.len().max(columns.len()).max(1) as i32).clamp(12, 110);
    let (wide, high) = (cell * columns.len() as i32, cell * rows.len() as i32);
    let numbered = rows.len().max(columns.len()) <= NUMBERED;
    let scale = if numbered { 0 } else { SCALE.1 };
    let size = ((left + wide + 30) as u32, (high + below + 16 + scale) as u32);
    draw(frame, size, |area| {
        let corners = [(left - 2, 6), (left + wide, 8 + high)];
        area.draw(&Rectangle::new(corners, theme::GRID.stroke_width(2))).map_err(refused)?;
        let every = (30 / cell.max(1) + 1) as usize;
        for (row, (name, values)) in rows.iter().zip(cells).enumerate() {
            let top = 8 + cell * row as i32;
            if row % every == 0 {
                let style = letters(theme::INK, HPos::Right, VPos::Center);
                area.draw(&Text::new(cut(name, NAME), (left - 12, top + cell / 2), style))
                    .map_err(refused)?;
            }
            for (column, value) in values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let x = left + cell * column as i32;
                let share = (value / most).clamp(0.0, 1.0);
                let colour = theme::PALETTE[0].mix(share);
                let corners = [(x, top), (x + cell - 1, top + cell - 1)];
                area.draw(&Rectangle::new(corners, colour.filled())).map_err(refused)?;
                if numbered {
                    let colour = if share > 0.55 { theme::PAPER } else { theme::INK };
                    let style = letters(colour, HPos::Center, VPos::Center);
                    let text = Text::new(shown(value), (x + cell / 2, top + cell / 2), style);
                    area.draw(&text).map_err(refused)?;
                }
            }
        }
        for (column, name) in columns.iter().enumerate().step_by(every) {
            let x = left + cell * column as i32 + cell / 2;
            let upright = columns.iter().all(|name| width(name) < cell);
            let (style, place) = match upright {
                true => (letters(theme::INK, HPos::Center, VPos::Top), (x, high + 18)),
                false => {
                    let turned = letters(theme::INK, HPos::Right, VPos::Center);
                    (turned.transform(FontTransform::Rotate270), (x, high + 18))
                }
            };
            area.draw(&Text::new(cut(name, NAME), place, style)).map_err(refused)?;
        }
        let middle = letters(theme::INK, HPos::Center, VPos::Center);
        let under = (left + wide / 2, high + below - 10);
        area.draw(&Text::new(frame.x.clone(), under, middle.clone())).map_err(refused)?;
        let beside = middle.transform(FontTransform::Rotate270);
        area.draw(&Text::new(frame.y.clone(), (22, 8 + high / 2), beside)).map_err(refused)?;
        if !numbered {
            colours(area, (left, high + below + 16), wide, [shown(0.0), shown(most)])?;
        }
        Ok(())
    })
}

/// Draws the colour scale, with the numbers at its ends.
fn colours(area: &Area, (left, top): (i32, i32), wide: i32, [least, most]: [String; 2]) -> Result<()> {
    let room = width(&most).max(width(&least)) + 20;
    let (from, to) = (left + room, (left + wide - room).max(left + room + 1));
    for x in from..to {
        let share = f64::from(x - from) / f64::from(to - from);
        let line = vec![(x, top), (x, top + SCALE.0)];
        area.draw(&PathElement::new(line, theme::PALETTE[0].mix(share))).map_err(refused)?;
    }
    let corners = [(from - 1, top - 1), (to, top + SCALE.0)];
    area.draw(&Rectangle::new(corners, theme::GRID.stroke_width(2))).map_err(refused)?;
    for (number, at, side) in [(least, from - 10, HPos::Right), (most, to + 10, HPos::Left)] {
        let style = letters(theme::INK, side, VPos::Center);
        area.draw(&Text::new(number, (at, top + SCALE.0 / 2), style)).map_err(refused)?;
    }
    Ok(())
}
