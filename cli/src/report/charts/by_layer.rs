//! Probe accuracy by layer, as in the paper's Figure 4.

use super::{Chart, Frame, Level, Point, Series, bars, lines};
use plasticity_core::Result;
use plasticity_lab::probe::ProbeKind;

/// The accuracy of one kind of probe on every layer.
#[derive(Clone, Debug)]
pub struct ByLayer {
    /// The kind of probe.
    pub kind: ProbeKind,
    /// The names of the layers, at the places 1, 2, …
    pub layers: Vec<String>,
    /// The trained networks, by name. One without points was not probed this way.
    pub trained: Vec<(String, Vec<Point>)>,
    /// The untrained networks, by name: one, or as many as trained ones, in their colours.
    pub untrained: Vec<(String, Vec<Point>)>,
    /// The values that hold for all layers: chance, a baseline.
    pub levels: Vec<Level>,
}

impl ByLayer {
    /// Draws bars if there is one trained network, and otherwise a line for each. Returns `None` if there is
    /// nothing to draw.
    ///
    /// # Errors
    /// If `plotters` refuses.
    pub fn chart(&self) -> Result<Option<Chart>> {
        let of = |(name, points): &(String, Vec<Point>), colour: Option<usize>, faint: bool| Series {
            name: name.clone(),
            points: points.clone(),
            faint,
            colour,
        };
        let trained = self.trained.iter().enumerate().map(|(index, one)| of(one, Some(index), false));
        let mut series: Vec<Series> = trained.filter(|one| !one.points.is_empty()).collect();
        if series.is_empty() {
            return Ok(None);
        }
        let several = self.untrained.len() > 1;
        let untrained = self.untrained.iter().enumerate();
        let untrained = untrained.map(|(index, one)| of(one, several.then_some(index), true));
        series.extend(untrained.filter(|one| !one.points.is_empty()));
        let single = self.trained.len() == 1;
        let frame = Frame {
            name: format!("probe-{}", self.kind.name()),
            title: format!("Accuracy of the probe by layer: {}", self.kind.title()),
            x: "layer".to_owned(),
            y: format!("test accuracy, % ({})", self.kind.name()),
            places: self.layers.clone(),
            bottom: single.then_some(0.0),
            top: None,
        };
        let draw = if single { bars } else { lines };
        draw(&frame, &series, &self.levels).map(Some)
    }
}

/// The name of a baseline in a legend. A baseline is the stimuli themselves, or hand-made features such as
/// MFCC.
pub fn baseline(name: &str) -> String {
    if name == "input" { "stimuli themselves".to_owned() } else { name.to_uppercase() }
}

/// Places charts below each other in one SVG.
pub fn stacked(charts: &[Chart]) -> String {
    let (width, _) = super::canvas::SIZE;
    let total: u32 = charts.iter().map(|chart| chart.height).sum();
    let mut svg = format!(
        "<svg width=\"{width}\" height=\"{total}\" viewBox=\"0 0 {width} {total}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    let mut top = 0;
    for chart in charts {
        svg.push_str(&chart.svg.replacen("<svg", &format!("<svg y=\"{top}\""), 1));
        top += chart.height;
    }
    svg.push_str("</svg>\n");
    svg
}
