//! What probes name rightly, layer by layer: the paper's Figure 4.

use super::{Chart, Frame, Level, Point, Series, bars, lines};
use plasticity_core::Result;
use plasticity_lab::probe::ProbeKind;

/// Probes of every layer, of one kind.
#[derive(Clone, Debug)]
pub struct ByLayer {
    /// How features were probed.
    pub kind: ProbeKind,
    /// Names of the layers: the places 1, 2, …
    pub layers: Vec<String>,
    /// What was learned, by name; without points where it was not probed so.
    pub trained: Vec<(String, Vec<Point>)>,
    /// Untrained networks, by name.
    pub untrained: Vec<(String, Vec<Point>)>,
    /// What is the same in all layers: chance, a baseline.
    pub levels: Vec<Level>,
}

impl ByLayer {
    /// Bars where one thing is shown beside the untrained network, else a line for each. `None` where there is nothing to
    /// show.
    ///
    /// # Errors
    /// If `plotters` refuses.
    pub fn chart(&self) -> Result<Option<Chart>> {
        let of = |(name, points): &(String, Vec<Point>), colour: Option<usize>| Series {
            name: name.clone(),
            points: points.clone(),
            faint: colour.is_none(),
            colour,
        };
        let trained = self.trained.iter().enumerate().map(|(index, one)| of(one, Some(index)));
        let mut series: Vec<Series> = trained.filter(|one| !one.points.is_empty()).collect();
        if series.is_empty() {
            return Ok(None);
        }
        series.extend(self.untrained.iter().map(|one| of(one, None)).filter(|one| !one.points.is_empty()));
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

/// What a legend calls the baseline of this name: the stimuli themselves, or hand-made features such as MFCC.
pub fn baseline(name: &str) -> String {
    if name == "input" { "stimuli themselves".to_owned() } else { name.to_uppercase() }
}

/// Charts below each other as one text of SVG.
pub fn stacked(charts: &[Chart]) -> String {
    let (width, height) = super::canvas::SIZE;
    let total = height as usize * charts.len();
    let mut svg = format!(
        "<svg width=\"{width}\" height=\"{total}\" viewBox=\"0 0 {width} {total}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    for (index, chart) in charts.iter().enumerate() {
        let place = format!("<svg y=\"{}\"", index * height as usize);
        svg.push_str(&chart.svg.replacen("<svg", &place, 1));
    }
    svg.push_str("</svg>\n");
    svg
}
