//! A matrix of numbers, each cell the darker the larger its number.

use super::canvas::{letters, width};
use super::{Chart, Frame, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, FontTransform};

/// Cells up to which each has its number written in it.
const NUMBERED: usize = 20;
/// Pixels of a side of all cells.
const SIDE: i32 = 640;

/// Cells `[row][column]` from 0 to `most`, with `rows` and `columns` named; `None` is left blank. The frame's `x` says what
/// columns are, its `y` what rows are.
pub fn matrix(
    frame: &Frame,
    rows: &[String],
    columns: &[String],
    cells: &[Vec<Option<f64>>],
    most: f64,
    shown: &dyn Fn(f64) -> String,
) -> Result<Chart> {
    let longest = |names: &[String]| names.iter().map(|name| width(name)).max().unwrap_or(0).min(300);
    let (left, below) = (longest(rows) + 70, longest(columns) + 70);
    let cell = (SIDE / rows.len().max(columns.len()).max(1) as i32).clamp(12, 110);
    let (wide, high) = (cell * columns.len() as i32, cell * rows.len() as i32);
    let size = ((left + wide + 30) as u32, (high + below + 16) as u32);
    let numbered = rows.len().max(columns.len()) <= NUMBERED;
    draw(frame, size, |area| {
        let every = (30 / cell.max(1) + 1) as usize;
        for (row, (name, values)) in rows.iter().zip(cells).enumerate() {
            let top = 8 + cell * row as i32;
            if row % every == 0 {
                let style = letters(theme::INK, HPos::Right, VPos::Center);
                area.draw(&Text::new(name.clone(), (left - 12, top + cell / 2), style)).map_err(refused)?;
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
            area.draw(&Text::new(name.clone(), place, style)).map_err(refused)?;
        }
        let middle = letters(theme::INK, HPos::Center, VPos::Center);
        let under = (left + wide / 2, high + below - 10);
        area.draw(&Text::new(frame.x.clone(), under, middle.clone())).map_err(refused)?;
        let beside = middle.transform(FontTransform::Rotate270);
        area.draw(&Text::new(frame.y.clone(), (22, 8 + high / 2), beside)).map_err(refused)?;
        Ok(())
    })
}
