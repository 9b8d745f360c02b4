//! A spectrogram with the correct phones, and the phones that a probe names, over time.

use super::canvas::{LETTERS, letters, width};
use super::{Chart, Frame, draw, refused, theme};
use plasticity_core::Result;
use plotters::prelude::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, RGBColor};

/// Names over time, one for each frame.
pub struct Strip {
    /// The name of the strip.
    pub name: String,
    /// The name of each frame; `None` for a frame without one.
    pub frames: Vec<Option<String>>,
    /// Whether each frame is correct.
    pub right: Vec<bool>,
}

const WIDE: i32 = 1600;
const LEFT: i32 = 150;
/// The height of a band of the spectrogram, and of a strip, in pixels.
const BAND: i32 = 12;
const STRIP: i32 = 56;

/// Draws the bands `[frame][band]` over time, above `strips`. `seconds` is the time from one frame to the
/// next.
pub fn speech(frame: &Frame, bands: &[Vec<f32>], seconds: f64, strips: &[Strip]) -> Result<Chart> {
    let frames = bands.len().max(1);
    let heights = bands.first().map_or(0, Vec::len) as i32 * BAND;
    let size = (WIDE as u32, (heights + STRIP * strips.len() as i32 + 110) as u32);
    let at = |index: usize| LEFT + ((WIDE - LEFT - 20) as f64 * index as f64 / frames as f64) as i32;
    let (low, high) =
        bands.iter().flatten().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let room = (high - low).max(f32::MIN_POSITIVE);
    let mut chart = draw(frame, size, |area| {
        for (index, of) in bands.iter().enumerate() {
            for (band, value) in of.iter().enumerate() {
                let top = 8 + heights - BAND * (band as i32 + 1);
                let colour = theme::INK.mix(f64::from((value - low) / room));
                let corners = [(at(index), top), (at(index + 1), top + BAND)];
                area.draw(&Rectangle::new(corners, colour.filled())).map_err(refused)?;
            }
        }
        let left = |y| (LEFT - 12, y);
        let style = letters(theme::INK, HPos::Right, VPos::Center);
        area.draw(&Text::new("8 kHz".to_owned(), left(8 + (LETTERS / 2.0) as i32), style.clone()))
            .map_err(refused)?;
        area.draw(&Text::new("0 kHz".to_owned(), left(heights - 8), style.clone())).map_err(refused)?;
        for (index, strip) in strips.iter().enumerate() {
            let top = heights + 16 + STRIP * index as i32;
            area.draw(&Text::new(strip.name.clone(), left(top + STRIP / 2 - 4), style.clone()))
                .map_err(refused)?;
            for (from, to) in segments(strip) {
                let right = strip.right.get(from).copied().unwrap_or(true);
                let colour: RGBColor = if right { theme::PALETTE[0] } else { theme::PALETTE[1] };
                let Some(name) = &strip.frames[from] else { continue };
                let corners = [(at(from), top), (at(to) - 2, top + STRIP - 10)];
                area.draw(&Rectangle::new(corners, colour.mix(0.25).filled())).map_err(refused)?;
                area.draw(&PathElement::new(
                    vec![(at(from), top), (at(to) - 2, top)],
                    colour.stroke_width(5),
                ))
                .map_err(refused)?;
                if width(name) <= at(to) - at(from) {
                    let middle = ((at(from) + at(to)) / 2, top + STRIP / 2 - 4);
                    let style = letters(theme::INK, HPos::Center, VPos::Center);
                    area.draw(&Text::new(name.clone(), middle, style)).map_err(refused)?;
                }
            }
        }
        let below = heights + 22 + STRIP * strips.len() as i32;
        let whole = frames as f64 * seconds;
        let every = (1..).map(|n| f64::from(n) * 0.2).find(|every| whole / every <= 8.0).unwrap_or(1.0);
        let ticks = (0..).map(|n| f64::from(n) * every).take_while(|time| *time <= whole);
        for time in ticks {
            let place = (at((time / seconds).round() as usize), below);
            let style = letters(theme::INK, HPos::Center, VPos::Top);
            area.draw(&Text::new(format!("{time:.1}"), place, style)).map_err(refused)?;
        }
        let under = ((WIDE + LEFT) / 2, below + 52);
        area.draw(&Text::new(frame.x.clone(), under, letters(theme::INK, HPos::Center, VPos::Center)))
            .map_err(refused)?;
        Ok(())
    })?;
    // The fields of the spectrogram touch, so smoothed edges would draw a grid between them.
    chart.svg = chart.svg.replacen("<svg", "<svg shape-rendering=\"crispEdges\"", 1);
    Ok(chart)
}

/// The ranges of frames in which a strip does not change.
fn segments(strip: &Strip) -> Vec<(usize, usize)> {
    let mut segments: Vec<(usize, usize)> = Vec::new();
    for index in 0..strip.frames.len() {
        let same = |from: usize| {
            strip.frames[from] == strip.frames[index] && strip.right.get(from) == strip.right.get(index)
        };
        match segments.last_mut() {
            Some((from, to)) if same(*from) => *to = index + 1,
            _ => segments.push((index, index + 1)),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_same_name_are_one_segment() {
        let frames = ["a", "a", "b", "b"].map(|name| Some(name.to_owned())).to_vec();
        let strip = Strip { name: String::new(), frames, right: vec![true, true, true, false] };
        assert_eq!(segments(&strip), [(0, 2), (2, 3), (3, 4)]);
    }
}
