//! Charts, drawn as SVG with `plotters`. A page shows a chart in the colours of its theme. Each chart is also
//! written to a file.

mod bars;
mod by_layer;
mod canvas;
mod lines;
mod matrix;
mod scatter;
mod speech;
mod theme;

pub use bars::bars;
pub use by_layer::{ByLayer, baseline, stacked};
pub use lines::lines;
pub use matrix::matrix;
pub use scatter::scatter;
pub use speech::{Strip, speech};

use plasticity_core::{Error, Result};

/// A drawn chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The name of its file, without the ending.
    pub name: String,
    /// A title, also for readers who cannot see the chart.
    pub title: String,
    /// The SVG, in the colours of the light theme.
    pub svg: String,
    /// The height of the SVG, in its pixels.
    pub height: u32,
}

/// The names and axes of a chart.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The name of its file, without the ending.
    pub name: String,
    /// The title.
    pub title: String,
    /// The name of the horizontal axis, with its unit.
    pub x: String,
    /// The name of the vertical axis, with its unit.
    pub y: String,
    /// The names of the places 1, 2, … of the horizontal axis, if it has names.
    pub places: Vec<String>,
    /// The start of the vertical axis; `None` for the smallest value.
    pub bottom: Option<f64>,
    /// The end of the vertical axis; `None` for the largest value.
    pub top: Option<f64>,
}

/// A value at a place, over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The place.
    pub x: f64,
    /// The mean.
    pub y: f64,
    /// The standard deviation over seeds; 0 for a single seed.
    pub spread: f64,
}

/// A line of a chart, or the bars of one colour.
#[derive(Clone, Debug)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The values.
    pub points: Vec<Point>,
    /// The number of a colour in the palette; `None` for grey.
    pub colour: Option<usize>,
    /// Whether the series is a reference for what was learned.
    pub faint: bool,
}

/// A value that holds for a whole chart, such as chance.
#[derive(Clone, Debug)]
pub struct Level {
    /// The name in the legend.
    pub name: String,
    /// The value.
    pub value: f64,
}

impl Chart {
    /// The SVG for the page: in the colours of its theme, as wide as the space allows, with a title.
    pub fn themed(&self) -> String {
        theme::themed(&self.svg, &self.title)
    }
}

/// The mean and the standard deviation (n − 1) of values over seeds.
pub fn over_seeds(x: f64, values: &[f64]) -> Point {
    let n = values.len().max(1) as f64;
    let y = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - y).powi(2)).sum();
    Point { x, y, spread: if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 } }
}

/// The error for a chart that `plotters` refuses.
fn refused(error: impl std::fmt::Display) -> Error {
    Error::file("chart", format!("cannot be drawn: {error}"))
}

/// Draws a chart as the text of an SVG.
fn draw(
    frame: &Frame,
    size: (u32, u32),
    with: impl FnOnce(&canvas::Area<'_>) -> Result<()>,
) -> Result<Chart> {
    use plotters::prelude::{IntoDrawingArea, SVGBackend};
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&theme::PAPER).map_err(refused)?;
        with(&area)?;
        area.present().map_err(refused)?;
    }
    Ok(Chart { name: frame.name.clone(), title: frame.title.clone(), svg, height: size.1 })
}
