//! The read-out of every layer of some runs, beside the untrained network, as an SVG.
//!
//! `cargo run --release --example readout_figure -- OUT.svg RUN…`, after `plasticity probe` of each run; the runs must have
//! the same layers and the same seed, and so the same untrained network.

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const LEFT: f64 = 56.0;
const RIGHT: f64 = 470.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 240.0;
const COLOURS: [&str; 6] = ["#2b7bba", "#d1662a", "#3f8f4f", "#8757a8", "#b03a48", "#6b6f76"];

/// One line of the figure: its name, and a value in percent for each layer.
struct Line {
    name: String,
    values: Vec<f64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, runs @ ..] = arguments.as_slice() else {
        return Err("usage: readout_figure OUT.svg RUN…".into());
    };
    let mut lines: Vec<Line> = Vec::new();
    let (mut layers, mut chance) = (Vec::new(), 0.0);
    for run in runs {
        let path = Path::new(run).join("probe.json");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let report: Value = serde_json::from_str(&text)?;
        let read = report["layers"].as_array().ok_or("probe.json has no layers")?;
        let column = |key: &str| read.iter().map(|layer| layer[key].as_f64().unwrap_or(f64::NAN)).collect();
        let untrained = Line { name: "untrained".to_owned(), values: column("untrained") };
        match lines.first() {
            None => lines.push(untrained),
            Some(first) if first.values == untrained.values => {}
            Some(_) => return Err(format!("{run}: its untrained network is another one").into()),
        }
        layers = read.iter().map(|layer| layer["name"].as_str().unwrap_or("?").to_owned()).collect();
        chance = column("chance").iter().copied().fold(f64::NAN, f64::max);
        let name = Path::new(run).file_name().map_or(run.clone(), |name| name.to_string_lossy().into_owned());
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        lines.push(Line { name, values: column("accuracy") });
    }
    if layers.is_empty() {
        return Err("name a run at least".into());
    }
    std::fs::write(out, figure(&lines, &layers, chance)?)?;
    Ok(())
}

fn figure(lines: &[Line], layers: &[String], chance: f64) -> Result<String, std::fmt::Error> {
    let all = || lines.iter().flat_map(|line| line.values.iter().copied());
    let top = (all().fold(chance, f64::max) / 10.0).ceil() * 10.0;
    let y = |percent: f64| BOTTOM - (BOTTOM - TOP) * percent / top;
    let x =
        |layer: usize| LEFT + 20.0 + (RIGHT - LEFT - 40.0) * layer as f64 / (layers.len().max(2) - 1) as f64;
    let mut svg = String::new();
    svg.push_str(
        "<svg viewBox=\"0 0 600 300\" width=\"600\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" ",
    );
    svg.push_str("font-family=\"system-ui, sans-serif\" font-size=\"13\">\n");
    svg.push_str("<rect width=\"600\" height=\"300\" rx=\"8\" fill=\"#ffffff\"/>\n");
    for percent in (0..=top as u32).step_by(10) {
        let (at, end) = (y(f64::from(percent)), LEFT - 8.0);
        writeln!(svg, "<path d=\"M{LEFT} {at:.1} H{RIGHT}\" stroke=\"#dddddd\"/>")?;
        writeln!(
            svg,
            "<text x=\"{end}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{percent}</text>",
            at + 4.0
        )?;
    }
    for (index, layer) in layers.iter().enumerate() {
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"258\" text-anchor=\"middle\" fill=\"#333333\">{layer}</text>",
            x(index)
        )?;
    }
    svg.push_str("<text x=\"263\" y=\"284\" text-anchor=\"middle\" fill=\"#333333\">layer</text>\n");
    svg.push_str("<text x=\"12\" y=\"22\" fill=\"#333333\">% of test stimuli named right by a linear classifier</text>\n");
    let dashed = "stroke=\"#888888\" stroke-dasharray=\"2 4\"";
    writeln!(svg, "<path d=\"M{LEFT} {0:.1} H{RIGHT}\" {dashed}/>", y(chance))?;
    // Names stand where their lines end, from the top down, and never on one another.
    let mut names: Vec<(f64, &str, &str)> = vec![(y(chance), "chance", "#888888")];
    for (line, index) in lines.iter().zip(0..) {
        let colour = if index == 0 { "#888888" } else { COLOURS[(index - 1) % COLOURS.len()] };
        let points: Vec<String> = line
            .values
            .iter()
            .enumerate()
            .map(|(layer, &v)| format!("{:.1},{:.1}", x(layer), y(v)))
            .collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        )?;
        for point in points.iter().filter_map(|point| point.split_once(',')) {
            writeln!(svg, "<circle cx=\"{}\" cy=\"{}\" r=\"3.5\" fill=\"{colour}\"/>", point.0, point.1)?;
        }
        names.push((line.values.last().map_or(BOTTOM, |&v| y(v)), &line.name, colour));
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP;
    for (at, name, colour) in names {
        let at = at.max(free);
        free = at + 17.0;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            RIGHT + 8.0,
            at + 4.0
        )?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}
