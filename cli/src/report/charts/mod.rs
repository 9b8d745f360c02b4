//! Charts, drawn by `plotters` as SVG: one text for the page, which follows its theme, and for a file of its own.

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

/// A chart that is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What its file is called, without the ending.
    pub name: String,
    /// What it shows, for those who cannot see it.
    pub title: String,
    /// As SVG, in the colours of the light theme.
    pub svg: String,
}

/// What stands around a chart.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// What its file is called, without the ending.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The horizontal axis, with its unit.
    pub x: String,
    /// The vertical axis, with its unit.
    pub y: String,
    /// Names of the places 1, 2, … of the horizontal axis, where it holds such.
    pub places: Vec<String>,
    /// Where the vertical axis begins, if not at the smallest value.
    pub bottom: Option<f64>,
    /// Where it ends, if not at the largest value.
    pub top: Option<f64>,
}

/// A number for each place, over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// The mean.
    pub y: f64,
    /// The standard deviation over seeds; 0 for a single one.
    pub spread: f64,
}

/// A line of a chart, or bars of one colour.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its values.
    pub points: Vec<Point>,
    /// Which colour of the palette; `None`: grey.
    pub colour: Option<usize>,
    /// Whether it is a reference beside what was learned.
    pub faint: bool,
}

/// A value that holds for all of a chart: chance.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its name in the legend.
    pub name: String,
    /// The value.
    pub value: f64,
}

impl Chart {
    /// The SVG as the page has it: in the colours of its theme, as wide as there is room, with a name.
    pub fn themed(&self) -> String {
        theme::themed(&self.svg, &self.title)
    }
}

/// Numbers over seeds as mean and standard deviation (n − 1).
pub fn over_seeds(x: f64, values: &[f64]) -> Point {
    let n = values.len().max(1) as f64;
    let y = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - y).powi(2)).sum();
    Point { x, y, spread: if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 } }
}

/// Whatever `plotters` refuses.
fn refused(error: impl std::fmt::Display) -> Error {
    Error::file("chart", format!("cannot be drawn: {error}"))
}

/// Draws into a text of SVG.
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
    Ok(Chart { name: frame.name.clone(), title: frame.title.clone(), svg })
}
