//! The read-out of every layer of some runs, beside the untrained network, as an SVG.
//!
//! `cargo run --release -p plasticity --example readout_figure -- OUT.svg NAME=RUN[,RUN…]…`, after `plasticity probe` of each
//! run. A line is the mean of its runs (several seeds). All lines must have the same layers and the same seeds, and so
//! the same untrained networks. What is read out beside the layers, such as MFCC, is a dashed line.

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
    let [out, named @ ..] = arguments.as_slice() else {
        return Err("usage: readout_figure OUT.svg NAME=RUN[,RUN…]…".into());
    };
    let mut lines: Vec<Line> = Vec::new();
    let (mut layers, mut levels, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for one in named {
        let (name, runs) = one.split_once('=').ok_or_else(|| format!("{one}: say NAME=RUN"))?;
        let runs: Vec<&str> = runs.split(',').collect();
        let (mut trained, mut untrained) = (Vec::new(), Vec::new());
        for run in &runs {
            let path = Path::new(run).join("probe.json");
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let report: Value = serde_json::from_str(&text)?;
            let read = report["layers"].as_array().ok_or("probe.json has no layers")?;
            let (inside, beside): (Vec<&Value>, Vec<&Value>) = read
                .iter()
                .partition(|row| row["name"].as_str().is_some_and(|name| name.starts_with(char::is_numeric)));
            let column = |rows: &[&Value], key: &str| -> Vec<f64> {
                rows.iter().map(|row| row[key].as_f64().unwrap_or(f64::NAN) / runs.len() as f64).collect()
            };
            add(&mut trained, &column(&inside, "accuracy"));
            add(&mut untrained, &column(&inside, "untrained"));
            layers = inside.iter().map(|row| row["name"].as_str().unwrap_or("?").to_owned()).collect();
            if lines.is_empty() {
                let of = beside.iter().map(|row| row["name"].as_str().unwrap_or("?").to_uppercase());
                let mut values = column(&beside, "accuracy");
                let chance = read.iter().filter_map(|row| row["chance"].as_f64()).fold(f64::NAN, f64::max);
                values.push(chance / runs.len() as f64);
                add(&mut levels, &values);
                names = of.chain(["chance".to_owned()]).collect();
            }
        }
        match lines.first() {
            None => lines.push(Line { name: "untrained".to_owned(), values: untrained }),
            Some(first) if first.values.iter().zip(&untrained).all(|(a, b)| (a - b).abs() < 1e-6) => {}
            Some(_) => return Err(format!("{name}: its untrained networks are others").into()),
        }
        lines.push(Line { name: name.replace('&', "&amp;").replace('<', "&lt;"), values: trained });
    }
    if layers.is_empty() {
        return Err("name a run at least".into());
    }
    let levels: Vec<Line> =
        names.into_iter().zip(levels).map(|(name, value)| Line { name, values: vec![value] }).collect();
    std::fs::write(out, figure(&lines, &layers, &levels)?)?;
    Ok(())
}

/// Adds values to a sum that may still be empty.
fn add(sum: &mut Vec<f64>, values: &[f64]) {
    sum.resize(values.len(), 0.0);
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

fn figure(lines: &[Line], layers: &[String], levels: &[Line]) -> Result<String, std::fmt::Error> {
    let all = lines.iter().chain(levels).flat_map(|line| line.values.iter().copied());
    let top = (all.fold(0.0, f64::max) / 10.0).ceil() * 10.0;
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
    svg.push_str(
        "<text x=\"12\" y=\"22\" fill=\"#333333\">% of the test named right by a linear classifier</text>\n",
    );
    let dashed = "stroke=\"#888888\" stroke-dasharray=\"2 4\"";
    for level in levels.iter().flat_map(|level| level.values.first()) {
        writeln!(svg, "<path d=\"M{LEFT} {0:.1} H{RIGHT}\" {dashed}/>", y(*level))?;
    }
    // Names stand where their lines end, from the top down, and never on one another.
    let at = |level: &Line| level.values.first().map_or(BOTTOM, |value| y(*value));
    let mut names: Vec<(f64, &str, &str)> =
        levels.iter().map(|level| (at(level), level.name.as_str(), "#888888")).collect();
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
